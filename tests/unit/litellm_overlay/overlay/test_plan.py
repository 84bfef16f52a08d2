"""The plan: names, the guard's plan, the module's path, and the security context."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from endpoint_patch import plan as guard_plan
from fakes import payloads as fake
from litellm_overlay.catalogue import releases
from litellm_overlay.errors import NotInCatalogueError, OverlayError, ValuesError
from litellm_overlay.objects.workloads import Proxy
from litellm_overlay.overlay import payload, values
from litellm_overlay.overlay.payload import payloads
from litellm_overlay.overlay.plan import Planner

CATALOGUE = releases.load()
IMAGE = "ghcr.io/berriai/litellm:v1.88.6"


def make(text="", *, image=IMAGE, **proxy):
    """Return the plan for an image, with small payloads."""
    operator_values = values.load(text, image=image)
    own = {"env": (), "security_context": {}, "pod_security_context": {}, **proxy}
    served = Proxy(container="litellm", image=image, pull_policy=None, **own)
    return fake.planner(operator_values).plan(served)


MALICIOUS_INDEX = "sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e"


@pytest.mark.parametrize("mode", ["websocket", "http-fallback"])
def test_the_guard_reads_what_is_planned(mode):
    """The guard reads the values from the plan that we write."""
    text = (
        f"patch: {{mode: {mode}, maxMessageBytes: 2048, onFixed: patch}}\n"
        f"onUnknown: patch\nexpectedSha256: {'a' * 64}\n"
    )
    read = guard_plan.check(guard_plan.decode(make(text).guard_plan))
    assert read.patch_version == "2.0.0"
    assert read.module_path == CATALOGUE.paths_of("1.88.6")[0].path
    assert read.output_path == "/litellm-overlay/output/endpoints.py"
    assert read.report_path == "/litellm-overlay/output/report.json"
    assert read.termination_message_path == "/dev/termination-log"
    assert read.policy == guard_plan.Policy("patch", "patch", "a" * 64)
    assert read.compromised == ("1.82.7", "1.82.8", "1.107.0")
    assert (read.settings["mode"], read.settings["maxMessageBytes"]) == (mode, 2048)


def test_what_is_not_chosen_is_left_alone():
    """Without choices the plan has the guard's defaults."""
    read = guard_plan.check(guard_plan.decode(make("").guard_plan))
    assert read.policy == guard_plan.Policy("passthrough", "fail", None)


def test_the_relay_is_not_made_for_what_is_fixed():
    """`onFixed: patch` with a relay is refused here, not first in the pod."""
    with pytest.raises(ValuesError, match='onFixed "patch" needs the bridge'):
        make("patch: {version: 1.0.0, onFixed: patch}")


@pytest.mark.parametrize(
    ("image", "on_fixed", "patched"),
    [
        ("a/litellm:v1.88.6", "passthrough", True),
        ("a/litellm:v1.89.3", "passthrough", True),
        ("a/litellm:v1.90.0", "passthrough", False),
        ("a/litellm:v1.90.0", "patch", True),
    ],
)
def test_what_will_be_patched(image, on_fixed, patched):
    """Whether the image will be patched is known as far as its tag names the release."""
    overlay = make(f"patch: {{onFixed: {on_fixed}}}", image=image)
    assert (overlay.is_patched, overlay.on_fixed) == (patched, on_fixed)


def test_every_patch_version_has_its_config_map():
    """Every patch version has a ConfigMap, named by version and digest."""
    names = [item.name for item in payloads("x", CATALOGUE)]
    assert names == [
        f"x-{version}-{payload.digest(version)[:12]}" for version in CATALOGUE.patch_versions
    ]


def rendered(text):
    """Return the versions of the rendered payloads, of seven in all."""
    (model, *_) = payloads("x", CATALOGUE)
    several = ["1.0.0", "1.0.9", "1.0.10", "2.0.0", "2.0.1", "2.1.0", "2.1.1"]
    every = tuple(replace(model, version=version) for version in several)
    catalogue = replace(CATALOGUE, default_patch_version="2.1.1")
    return [item.version for item in Planner(values.load(text), catalogue, every).rendered]


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("", "2.1.0 2.1.1"),
        ("patch: {keepNewest: 3}", "2.0.1 2.1.0 2.1.1"),
        ("patch: {keepNewest: 99}", "1.0.0 1.0.9 1.0.10 2.0.0 2.0.1 2.1.0 2.1.1"),
        ("patch: {keepNewest: 1, version: 1.0.9}", "1.0.9 2.1.1"),
        ("patch: {keepNewest: 1, keepVersions: [1.0.0, 2.0.1]}", "1.0.0 2.0.1 2.1.1"),
    ],
)
def test_which_payloads_are_rendered(text, versions):
    """The newest payloads, the pinned one and the named ones are rendered, oldest first."""
    assert rendered(text) == versions.split()


def test_a_version_to_keep_must_be_there():
    """A version to keep that does not exist is refused, before a pod waits for its payload."""
    with pytest.raises(NotInCatalogueError, match=r"no patch version 9\.9\.9"):
        rendered("patch: {keepVersions: [9.9.9]}")


@pytest.mark.parametrize("item", payloads("x", CATALOGUE), ids=lambda item: item.version)
def test_a_payload_fits_a_config_map(item):
    """A payload fits a ConfigMap: valid keys, and below 256 KiB for kubectl's annotation."""
    assert {each.path: each.text.encode() for each in item.items} == payload.files(item.version)
    assert all(
        set(each.key) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-") for each in item.items
    )
    copy = json.dumps({each.key: each.text for each in item.items})
    escaped = re.sub("[<>&]", r"\\u00xx", copy)  # as Go writes them
    assert len(escaped) < 250_000  # and room for names, labels and annotations


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("ghcr.io/berriai/litellm:main-v1.82.3-stable", "/usr/lib/python3.13/"),
        ("registry.example.com:5000/x/litellm-database:v1.88.6", "/app/.venv/lib/python3.13/"),
    ],
)
def test_the_path_comes_from_the_catalogue(image, path):
    """The module's path comes from the catalogue, by the tag's release."""
    assert make(image=image).module_path.startswith(path)


def test_a_path_that_is_given_wins():
    """A given module path counts, whatever the tag."""
    assert make("modulePath: /x/endpoints.py", image="r/litellm:latest").module_path == (
        "/x/endpoints.py"
    )


@pytest.mark.parametrize(
    ("text", "image", "error", "sentence"),
    [
        ("", "r/litellm:latest", ValuesError, "the tag latest moves"),
        ("", "r/litellm@sha256:" + "0" * 64, ValuesError, "a digest alone names no release"),
        ("", "not an image", ValuesError, "neither a version nor an image reference"),
        ("", "r/litellm:v1.83.8-stable", ValuesError, "exist in 2 layouts"),
        ("", "r/litellm:v1.82.7", OverlayError, "1.82.7 is malware"),
        ("modulePath: /x", "r/litellm:v1.82.8", OverlayError, "1.82.8 is malware"),
        ("litellmVersion: 1.82.7", "r/litellm:v1", OverlayError, "1.82.7 is malware"),
        ("litellmVersion: 1.86.2", "r/litellm:v1.82.7", OverlayError, "1.82.7 is malware"),
        ("litellmVersion: 1.86.2", "r/a:x-1.107.0", OverlayError, "1.107.0 is malware"),
        ("", "r/litellm:v1.86.2-with-1.107.0", OverlayError, "1.107.0 is malware"),
        ("modulePath: /x", "r/a:1.107.0.1", OverlayError, "1.107.0 is malware"),
        (
            "{modulePath: /x, litellmVersion: 1.86.2}",
            f"r/litellm:v1.86.2@{MALICIOUS_INDEX}",
            OverlayError,
            "1.107.0 is malware",
        ),
        ("", "r/litellm:v1.81.0", OverlayError, "has no Responses WebSocket endpoint"),
        ("", "r/litellm:v1.96.1", NotInCatalogueError, "1.96.1 is not in the catalogue"),
        ("", "r/litellm:v2026.11.26", ValuesError, "does not tell which LiteLLM"),
        ("patch: {version: 3.0.0}", IMAGE, NotInCatalogueError, "no patch version 3.0.0"),
    ],
)
def test_what_cannot_be_planned_is_refused(text, image, error, sentence):
    """A plan that cannot be made is refused with an error and a hint."""
    with pytest.raises(error) as refused:
        make(text, image=image)
    assert sentence in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("text", "image", "release", "exact"),
    [
        ("", "r/litellm:v1.999.0", "1.999.0", True),
        ("litellmVersion: 1.999.0", "acme/gateway:prod", "1.999.0", True),
        ("litellmVersion: 1.86.2", "acme/litellm:2026.11.26", "1.86.2", True),
        ("litellmVersion: 1.86.2", "r/litellm:v1.86.2-acme", "1.86.2", True),
        ("litellmVersion: 1.86.2", "r/litellm:v1.86.2-stable", "1.86.2", True),
        ("litellmVersion: 1.86.2", "r/litellm:v1.999.0", "1.86.2", False),
        ("litellmVersion: 1.999.0", "r/litellm:v1.88.6", "1.999.0", False),
        ("litellmVersion: 1.86.2", "r/litellm:v1.96.1", "1.86.2", False),
    ],
)
def test_who_says_which_release_it_is(text, image, release, exact):
    """The values give the release if the tag does not; a contradiction is marked as not exact."""
    planned = make(text, image=image)
    assert (planned.litellm.release.version, planned.litellm.exact) == (release, exact)
    assert planned.module_path == CATALOGUE.paths_of("1.88.6")[0].path
    assert ("the image's tag says LiteLLM" in planned.litellm.why) is not exact


def test_the_init_container_gets_the_proxys_interpreter_and_nothing_secret():
    """The guard gets PATH and PYTHONPATH of the proxy, and no keys."""
    path = {"name": "PATH", "value": "/opt/bin"}
    python_path = {
        "name": "PYTHONPATH",
        "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}},
    }
    key = {"name": "OPENAI_API_KEY", "value": "sk-secret"}
    assert make(env=(path, key, python_path)).env == (path, python_path)


RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
DEFAULT = {"seccompProfile": {"type": "RuntimeDefault"}}
LOCAL = {"seccompProfile": {"type": "Localhost", "localhostProfile": "x.json"}}


@pytest.mark.parametrize(
    ("own", "pod", "expected"),
    [
        ({}, {}, RESTRICTED),
        ({}, DEFAULT, RESTRICTED),
        (DEFAULT, {}, {**RESTRICTED, **DEFAULT}),
        ({}, LOCAL, RESTRICTED),
        (LOCAL, {}, {**RESTRICTED, **LOCAL}),
        ({"runAsUser": 0}, {}, {**RESTRICTED, "runAsUser": 0}),
        (
            {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 1},
            DEFAULT,
            {**RESTRICTED, "runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 1},
        ),
        (
            {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
            {},
            RESTRICTED,
        ),
        (
            {"seLinuxOptions": {"type": "x"}},
            DEFAULT,
            {**RESTRICTED, "seLinuxOptions": {"type": "x"}},
        ),
    ],
)
def test_the_init_container_is_who_the_proxy_is_with_no_more_rights(own, pod, expected):
    """The guard runs as the proxy's user without further rights or a new seccomp profile."""
    planned = make(security_context=own, pod_security_context=pod).security_context
    assert planned == expected
    assert list(planned) == sorted(planned)
