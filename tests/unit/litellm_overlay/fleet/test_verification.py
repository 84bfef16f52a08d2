"""The pods and data that `verify` checks, and its verdicts."""

from __future__ import annotations

import hashlib
import json

import pytest

from litellm_overlay.catalogue import releases
from litellm_overlay.fleet import verification
from litellm_overlay.names import (
    DIGEST_ANNOTATION,
    INIT_CONTAINER,
    OUTPUT_VOLUME,
    PAYLOAD_VOLUME,
    VERSION_ANNOTATION,
)
from litellm_overlay.responses.diagnosis import Diagnosis, Verdict

CATALOGUE = releases.load()
PATCH = CATALOGUE.patch_versions["2.0.0"]
MODULE = "/app/.venv/lib/python3.13/site-packages/litellm/proxy/response_api_endpoints/endpoints.py"
CONTENT = b"patched"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def pod(name="p", *, decision="patched", ready=True, mode="websocket", **metadata):
    """Return a pod as the API returns it."""
    guard_plan = {"modulePath": MODULE, "settings": {"mode": mode}}
    report = {
        "decision": decision,
        "patchVersion": "2.0.0",
        "modulePath": MODULE,
        "patchedSha256": SHA256 if decision == "patched" else None,
        "stockSha256": "0" * 64,
    }
    annotations = {VERSION_ANNOTATION: "2.0.0", DIGEST_ANNOTATION: PATCH.digest}
    guard = {
        "name": INIT_CONTAINER,
        "command": ["python3", "-c", "the proof", "/litellm-overlay/payload/endpoint_patch"],
        "env": [{"name": "LITELLM_OVERLAY_PLAN", "value": json.dumps(guard_plan)}],
    }
    proxy = {
        "name": "litellm",
        "image": "r/litellm:v1.88.6",
        "ports": [{"containerPort": 9090}, {"containerPort": 4000}],
        "volumeMounts": [{"name": OUTPUT_VOLUME, "mountPath": MODULE}],
    }
    ended = {"terminated": {"exitCode": 0, "message": json.dumps(report)}}
    return {
        "metadata": {"namespace": "llm", "name": name, "annotations": annotations, **metadata},
        "spec": {
            "initContainers": [guard],
            "containers": [{"name": "sidecar", "image": "envoy"}, proxy],
            "volumes": [
                {
                    "name": PAYLOAD_VOLUME,
                    "configMap": {
                        "name": f"x-2.0.0-{PATCH.digest[:12]}",
                        "items": [{"key": "a.py", "path": "endpoint_patch/a.py"}],
                    },
                }
            ],
        },
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "initContainerStatuses": [{"name": INIT_CONTAINER, "state": ended}],
        },
    }


def test_a_target_says_where_and_what():
    """A target has the proxy's container, LiteLLM's port, and the hash that the guard wrote."""
    (target,) = verification.targets([pod()], CATALOGUE)
    assert target == verification.Target(
        *("llm", "p", "litellm", 4000, "patched", MODULE, SHA256, "websocket"),
        guarded=True,
        ready=True,
        origin=target.origin,
    )
    origin = target.origin
    assert (origin.config_map, origin.digest) == (f"x-2.0.0-{PATCH.digest[:12]}", PATCH.digest)
    assert origin.paths == {"a.py": "endpoint_patch/a.py"}
    assert (origin.plan["modulePath"], origin.report["patchedSha256"]) == (MODULE, SHA256)


@pytest.mark.parametrize(
    ("config_map", "files"),
    [
        (None, None),
        ({}, {}),
        ({"data": {"a.py": "x", "b.py": "not mounted"}}, {"endpoint_patch/a.py": b"x"}),
        ({"data": {"a.py": 3}}, {}),
        ({"data": []}, {}),
    ],
)
def test_the_payload_that_a_new_pod_would_get(config_map, files):
    """The payload has the ConfigMap's files at the paths of the pod template."""
    (target,) = verification.targets([pod()], CATALOGUE)
    assert verification.payload_of(target, config_map) == files


def test_what_is_wrong_with_a_payload():
    """A payload with the template's digest has no fault; otherwise no new pod would start."""
    (target,) = verification.targets([pod()], CATALOGUE)
    assert verification.payload_fault(target, PATCH.digest) == ""
    gone = verification.payload_fault(target, None)
    assert "is gone: no new pod starts" in gone
    altered = verification.payload_fault(target, "f" * 64)
    assert f"it is {'f' * 12}, the pod template wants {PATCH.digest[:12]}" in altered


def test_a_guard_that_says_another_hash_than_ours():
    """A hash that differs from ours is a fault: the image is not to be trusted."""
    (target,) = verification.targets([pod()], CATALOGUE)
    assert verification.making_fault(target, SHA256) == ""
    fault = verification.making_fault(target, "f" * 64)
    assert "do not trust this image" in fault
    faults = judged("works", before=["", fault])
    assert faults == (fault,)


def test_an_image_with_upstreams_fix_is_held_to_its_own_file():
    """With upstream's fix the original file's hash counts."""
    (target,) = verification.targets([pod(decision="upstream-fixed")], CATALOGUE)
    assert target.sha256 == "0" * 64


def test_who_is_asked():
    """Targets are the running pods with the overlay, sorted."""
    plain = {"metadata": {"name": "x"}, "spec": {"containers": [{"image": "r/litellm:v1.88.6"}]}}
    selected = verification.targets(
        [pod("b"), pod("a"), pod("gone", deletionTimestamp="now"), plain], CATALOGUE
    )
    assert [target.pod for target in selected] == ["a", "b"]


def judged(verdict, content=CONTENT, before=(), **given):
    """Return the faults of a pod."""
    (target,) = verification.targets([pod(**given)], CATALOGUE)
    diagnosis = Diagnosis((), Verdict(verdict, "It.", "Do."))
    return verification.judge(target, content, diagnosis, before).faults


def test_a_pod_that_works_has_no_fault():
    """A pod with the guard's file and a working turn has no fault."""
    assert judged("works") == ()


def test_another_file_than_the_guards_is_a_fault():
    """A file other than the guard's is a fault, even if turns work."""
    (fault,) = judged("works", content=b"else")
    assert fault.startswith(f"{MODULE} in the container has sha256 ")
    assert SHA256[:12] in fault


@pytest.mark.parametrize("verdict", ["broken", "needs-model", "http-fallback", "refused"])
def test_a_turn_that_does_not_work_is_a_fault(verdict):
    """A turn that does not work is a fault, with the sentence and next step of `probe`."""
    assert judged(verdict) == ("It.; Do.",)


def test_http_fallback_is_what_that_mode_promises():
    """In mode http-fallback 426 is right, unless upstream's fix makes turns work."""
    assert judged("http-fallback", mode="http-fallback") == ()
    assert judged("works", mode="http-fallback") == ("It.; Do.",)
    stock = {"mode": "http-fallback", "decision": "upstream-fixed"}
    (fault,) = judged("works", **stock)
    assert "has sha256" in fault


def test_a_pod_that_is_not_ready_is_not_asked():
    """A pod that is not ready is reported with the guard's decision."""
    (target,) = verification.targets([pod(ready=False)], CATALOGUE)
    assert verification.not_asked(target).faults == ("not ready: the guard's decision is patched",)


def test_a_pod_whose_guards_report_cannot_be_read_is_not_asked():
    """A pod with an unreadable report is not asked, and not called unready."""
    cut = pod()
    (init,) = cut["status"]["initContainerStatuses"]
    init["state"]["terminated"]["message"] = '{"decision": "patched", "patchVer'
    (target,) = verification.targets([cut], CATALOGUE)
    (fault,) = verification.not_asked(target).faults
    assert (target.module, fault.split(";")[0]) == (None, "the guard's report cannot be read")


def test_a_pod_that_went_meanwhile():
    """A pod that ends meanwhile is reported so; one that stays is not."""
    (target,) = verification.targets([pod()], CATALOGUE)
    evicted = pod()
    evicted["status"] = {"phase": "Failed", "reason": "Evicted"}
    for running in ([], [pod("other")], [evicted], [pod(deletionTimestamp="now")]):
        assert verification.has_gone(target, running)
    assert not verification.has_gone(target, [pod("other"), pod()])
    assert verification.gone_result(target).faults == ("the pod went meanwhile: verify once more",)
