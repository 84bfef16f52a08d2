"""Every verb's JSON and YAML has camelCase keys, as the guard's report has."""

from __future__ import annotations

import importlib
import json
import re

import click
import pytest
import yaml

from fakes import objects as fake
from fakes.api_server import FakeApi, kubeconfig, serving
from fakes.overlaid import pod, report, workload
from litellm_overlay import cli
from litellm_overlay.commands import demo, diff, probe, verify
from litellm_overlay.fleet.verification import Origin, Target, Verification
from litellm_overlay.local.comparison import CaseOutcome, CodexOutcome, Comparison, Side, cases_for
from litellm_overlay.overlay.preview import Difference
from litellm_overlay.responses.diagnosis import Check, Diagnosis, Verdict

IMAGE = "ghcr.io/berriai/litellm:v1.88.6"
# Mappings whose keys are data: names of cases and of Codex's runs, in `demo`.
NAMED = ("cases", "codex")
SIDE = Side(
    {case.name: CaseOutcome(101, completed=True) for case in cases_for("2.0.0")},
    {"a turn": CodexOutcome(True, 0.5, accepted=1, refused=0, posts=0)},
)
ORIGIN = Origin("x", {}, None, {}, {})
TARGET = Target(
    "llm", "p", "litellm", 4000, "patched", "/m.py", "0" * 64, "websocket", True, True, ORIGIN
)
# Verbs that need a network, by the rows that they print.
ROWS = {
    "demo": demo.to_json(Comparison("1.88.6", "2.0.0", report(), SIDE, SIDE)),
    "diff": diff.to_json(Difference(*"abcdefghi", "--- a\n+++ b\n")),
    "probe": probe.to_json(
        "http://x", "m", Diagnosis((Check("a", True, "b", 1),), Verdict("works", "c"))
    ),
    "verify": verify.to_json(Verification(TARGET, "works", ("fault",))),
}
RUNS = {
    "check-upgrade": [["--to", "1.88.6", "--from", "1.82.3"], ["--to", "my-image:tag"]],
    "doctor": [["--output", "json"], ["--output", "yaml"]],
    "pin": [["--image", IMAGE]],
    "releases": [[], ["--all"], ["1.82.3", "1.89.0"], ["my-image:tag"]],
    "status": [["--output", "json"], ["--output", "yaml"]],
    "version": [[]],
}


@pytest.fixture
def printed(cli, tmp_path, monkeypatch):
    """Return a function that runs a verb on a small fleet and returns its parsed output."""
    ours = workload(patch="2.0.0")

    def printed(verb, *arguments):
        ended = cli(verb, *arguments, stdin=[fake.stock(), fake.service()])
        return yaml.safe_load(ended.out)  # JSON is YAML

    monkeypatch.chdir(tmp_path)
    with serving(FakeApi({"deployments": [ours], "pods": [pod(ours, 0, report())]})) as api:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", api.url)))
        yield printed


def keys(value):
    """Yield the keys that we name, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from keys(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys(
                list(item.values()) if key in NAMED and isinstance(item, dict) else item
            )


def not_camel(value):
    """Return the keys that are not camelCase; fail if there are no keys."""
    results = set(keys(value))
    assert results
    return {key for key in results if not re.fullmatch("[a-z][a-zA-Z0-9]*", key)}


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [(verb, arguments) for verb, runs in RUNS.items() for arguments in runs],
    ids=lambda value: value if isinstance(value, str) else " ".join(value) or "alone",
)
def test_what_a_verb_prints(printed, verb, arguments):
    """Each verb's keys are camelCase, in JSON and YAML."""
    told = arguments if "--output" in arguments else [*arguments, "--output", "json"]
    assert not_camel(printed(verb, *told)) == set()


@pytest.mark.parametrize("verb", ROWS)
def test_what_a_verb_prints_where_there_is_a_network(verb):
    """So are the keys of verbs that need a network, by the functions that make their rows."""
    assert not_camel(json.loads(json.dumps(ROWS[verb]))) == set()


def test_no_verb_is_forgotten():
    """Every verb with `--output json` is tested."""
    having = set()
    for verb in cli.VERBS:
        name = verb.replace("-", "_")
        command = getattr(importlib.import_module(f"litellm_overlay.commands.{name}"), name)
        kinds = [it.type for it in command.params if it.name == "output"]
        if any(isinstance(kind, click.Choice) and "json" in kind.choices for kind in kinds):
            having.add(verb)
    assert having == {*RUNS, *ROWS}
