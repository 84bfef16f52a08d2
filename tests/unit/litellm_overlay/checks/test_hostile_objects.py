"""Hostile text in an object: a printed command neither runs nor hides it."""

from __future__ import annotations

import copy
import re
import subprocess
import unicodedata

import pytest

from fakes import objects as fake
from litellm_overlay import checks
from litellm_overlay.catalogue import releases
from litellm_overlay.commands import doctor
from litellm_overlay.printed import sanitize

CATALOGUE = releases.load()
HOSTILE = [
    "'; : > planted; '",
    "x\n: > planted\n",
    '"$(: > planted)`: > planted`|: > planted;: > planted"',
]
SIGNS = ["\x1b]0;planted\x07a\x9b31m\u202eplanted\u2028x"]
TARGET = [{"kind": "HTTPRoute", "name": "litellm"}]


def objects():
    """Return objects with many faults, so that much is printed."""
    refused = fake.pod(
        {"decision": "refused", "litellmVersion": "1.88.6", "message": "no", "hint": "Set it."}
    )
    waiting = fake.pod({"decision": "passthrough", "message": "m", "hint": "h"})
    waiting["metadata"]["name"] = "litellm-2"
    waiting["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ErrImagePull"}}
    moved = fake.overlaid("ghcr.io/berriai/litellm:main-stable")
    moved["metadata"]["name"] = "moved"
    moved["spec"]["selector"] = {"matchLabels": {"app": "moved"}}
    moved["spec"]["template"]["metadata"]["labels"] = {"app": "moved"}
    affected = fake.stock()
    affected["metadata"]["name"] = "stock"
    named = fake.overlaid()
    fake.pod_of(named)["volumes"][0]["configMap"]["name"] = (
        f"mine-2.0.0-{CATALOGUE.patch_versions['2.0.0'].digest[:12]}"
    )
    rules = [{"backendRefs": [{"name": "litellm"}], "timeouts": {"request": "1s"}}]
    return [
        named,
        moved,
        affected,
        refused,
        waiting,
        fake.service(**{"cloud.google.com/backend-config": '{"default": "slow"}'}),
        fake.config_map("payload-1.0.0", uid="u"),
        fake.ingress("gce"),
        fake.ingress("nginx", {"nginx.org/websocket-services": "x"}),
        fake.ingress("alb", {"alb.ingress.kubernetes.io/load-balancer-attributes": "a=b"}),
        fake.custom("HTTPRoute", rules=rules, parentRefs=[{"name": "litellm"}], hostnames=["x"]),
        fake.custom("Gateway", gatewayClassName="gke-x"),
        fake.custom("BackendTrafficPolicy", targetRefs=TARGET, timeout={"http": {}}),
        fake.custom("SecurityContextConstraints", "own", users=[]),
    ]


def places(value, path=()):
    """Yield the path of every text in nested lists and dicts."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*path, key))
        elif isinstance(inner, str) and key != "kind":
            yield (*path, key)


PLACES = list(places(objects()))


def with_text(text, *, everywhere=False):
    """Yield (path, findings) for a text in each place; with `everywhere` also in equal places."""
    whole = objects()
    for path in PLACES:
        changed = copy.deepcopy(whole)
        old = changed
        for key in path:
            old = old[key]
        _replace(changed, path, text)
        yield path, checks.findings(changed, CATALOGUE)
        # A name that others refer to must change everywhere, or nothing refers to it.
        if everywhere and path[-1] in {"name", "namespace"}:
            alike = copy.deepcopy(whole)
            for each in PLACES:
                value = alike
                for key in each:
                    value = value[key]
                if value == old:
                    _replace(alike, each, text)
            yield path, checks.findings(alike, CATALOGUE)


def _replace(objects_, path, text):
    inside = objects_
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = text


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_is_printed_for_pasting_runs_a_text_of_another(text, tmp_path):
    """A shell that runs the printed fixes does not run the text."""
    fixes = {
        sanitize(item.fix, keep="\n")
        for _, result in with_text(text, everywhere=True)
        for item in result
        if "planted" in item.fix
    }
    ran = 0
    for fix in fixes:
        # In YAML the text is quoted, or no line is a command: only commands are pasted.
        commands = [
            line for line in fix.splitlines()
            if re.match(r"\s*(kubectl|litellm-overlay|echo|docker|:)", line)
        ]  # fmt: skip
        for command in commands:
            subprocess.run(
                ["/bin/sh", "-c", command], cwd=tmp_path, env={"PATH": "/none"}, check=False,
                capture_output=True, timeout=10,
            )  # fmt: skip
            assert list(tmp_path.iterdir()) == [], command
        ran += len(commands)
    assert ran > 2 or "\n" in text  # no command contains it


@pytest.mark.parametrize("text", SIGNS, ids=repr)
def test_nothing_that_is_printed_moves_a_cursor_or_turns_a_line(text, capsys):
    """Nothing in the verb's output moves a cursor or breaks a line."""
    for path, result in with_text(text):
        doctor.print_findings(result, checks.build_world(()), "gpt-5.4")
        output = capsys.readouterr().out.replace("\n", "")
        bad = [char for char in output if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}]
        assert bad == [], path


def test_much_is_printed():
    """The objects cause many topics, so that much text is tested."""
    topics = {item.topic for item in checks.findings(objects(), CATALOGUE)}
    assert topics >= {"refused", "affected", "payload-missing", "unknown-release", "route-timeout"}
    assert topics >= {"passthrough", "pod-waiting", "gke-timeout", "ingress-f5", "ingress-alb"}
    assert len(PLACES) > 150
