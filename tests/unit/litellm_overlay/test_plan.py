"""The plan: names, the guard's plan, the module's path, the init container's confinement."""

from __future__ import annotations

import pytest

from endpoint_patch import plan as guard_plan
from fakes import payloads as fake
from litellm_overlay import catalogue, payload, plan, values
from litellm_overlay.errors import NotInCatalogueError, OverlayError, ValuesError

KNOWN = catalogue.load()
IMAGE = "ghcr.io/berriai/litellm:v1.88.6"


def make(text="", *, image=IMAGE, **proxy):
    """Return the plan for an image, with payloads of three small files."""
    given = values.load(text, image=image)
    own = {"env": (), "security_context": {}, "pod_security_context": {}, **proxy}
    served = plan.Proxy(container="litellm", image=image, pull_policy=None, **own)
    return plan.make(given, served, KNOWN, fake.small(given.name, KNOWN))


@pytest.mark.parametrize("mode", ["websocket", "http-fallback"])
def test_the_guard_reads_what_is_planned(mode):
    """Written here, read there: the two share no code."""
    text = f"patch: {{mode: {mode}, maxMessageBytes: 2048}}\nonUnknown: passthrough\n"
    read = guard_plan.check(guard_plan.decode(make(text).guard_plan))
    assert read.patch_version == "2.0.0"
    assert read.module_path == KNOWN.paths_of("1.88.6")[0].path
    assert read.output_path == "/litellm-overlay/output/endpoints.py"
    assert read.report_path == "/litellm-overlay/output/report.json"
    assert read.termination_message_path == "/dev/termination-log"
    assert read.on_unknown == "passthrough"
    assert (read.settings["mode"], read.settings["maxMessageBytes"]) == (mode, 2048)


def test_every_patch_version_has_its_config_map():
    """Named after version and content, so that none is ever changed."""
    names = [item.name for item in plan.payloads("x", KNOWN)]
    assert names == [
        f"x-{version}-{payload.digest(version)[:12]}" for version in KNOWN.patch_versions
    ]


@pytest.mark.parametrize("item", plan.payloads("x", KNOWN), ids=lambda item: item.version)
def test_a_payload_fits_a_config_map(item):
    """Keys that Kubernetes allows, all files; kubectl apply keeps a copy in an annotation: 256 KiB."""
    assert {each.path: each.text.encode() for each in item.items} == payload.files(item.version)
    assert all(
        set(each.key) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-") for each in item.items
    )
    assert sum(len(each.text.encode()) for each in item.items) < 200_000


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("ghcr.io/berriai/litellm:main-v1.82.3-stable", "/usr/lib/python3.13/"),
        ("registry.example.com:5000/x/litellm-database:v1.88.6", "/app/.venv/lib/python3.13/"),
    ],
)
def test_the_path_comes_from_the_catalogue(image, path):
    """By the release that the tag names."""
    assert make(image=image).module_path.startswith(path)


def test_a_path_that_is_given_wins():
    """Whatever the tag says; the guard in the pod compares."""
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
        ("", "r/litellm:v1.81.0", OverlayError, "has no Responses WebSocket endpoint"),
        ("", "r/litellm:v9.9.9", NotInCatalogueError, "9.9.9 is not in the catalogue"),
        ("patch: {version: 3.0.0}", IMAGE, NotInCatalogueError, "no patch version 3.0.0"),
    ],
)
def test_what_cannot_be_planned_is_refused(text, image, error, sentence):
    """With a sentence and a next step, before anything reaches a cluster."""
    with pytest.raises(error) as refused:
        make(text, image=image)
    assert sentence in refused.value.message
    assert refused.value.hint


def test_the_init_container_gets_the_proxys_interpreter_and_nothing_secret():
    """PATH and PYTHONPATH decide which LiteLLM runs; keys are none of the guard's business."""
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
        ({}, {}, {**RESTRICTED, **DEFAULT}),
        ({}, LOCAL, RESTRICTED),
        (LOCAL, {}, {**RESTRICTED, **LOCAL}),
        ({"runAsUser": 0}, {}, {**RESTRICTED, **DEFAULT, "runAsUser": 0}),
        (
            {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 1},
            DEFAULT,
            {**RESTRICTED, "runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 1},
        ),
        (
            {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
            {},
            {**RESTRICTED, **DEFAULT},
        ),
        (
            {"seLinuxOptions": {"type": "x"}},
            DEFAULT,
            {**RESTRICTED, "seLinuxOptions": {"type": "x"}},
        ),
    ],
)
def test_the_init_container_is_who_the_proxy_is_with_no_more_rights(own, pod, expected):
    """Restricted where the proxy says nothing; never a user, or a profile, that contradicts it."""
    planned = make(security_context=own, pod_security_context=pod).security_context
    assert planned == expected
    assert list(planned) == sorted(planned)
