"""Story 4: an image with an unknown endpoints.py."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from e2e.kit.stories import MASTER_KEY, PROXY, decision, until
from support.client import connect, said, turn

UNKNOWN_STOCK_FILE = 12  # the guard's exit code


@pytest.fixture(scope="module")
def served(namespace):
    """Install a proxy that serves, before the image is changed; return its pod."""
    namespace.install(namespace.values("venv"))
    return namespace.pod()


def refused(namespace):
    """Return the pod whose init container failed and its terminated state, or None."""
    for pod in namespace.pods():
        (status,) = pod["status"].get("initContainerStatuses", [{}])
        for state in (status.get("state", {}), status.get("lastState", {})):
            if state.get("terminated", {}).get("exitCode"):
                return pod, state["terminated"]
    return None


async def test_the_pod_is_refused_and_the_old_one_serves(namespace, served):
    """Termination message and `kubectl describe pod` show the refusal; the old pod serves."""
    namespace.install(namespace.values("changed"), wait=False)
    pod, ended = until(lambda: refused(namespace), "the refusal")
    assert ended["exitCode"] == UNKNOWN_STOCK_FILE
    report = decision(pod)
    assert report["decision"] == "refused"
    assert "LiteLLM 1.88.6 with endpoints.py sha256" in report["message"]
    assert "looks affected, but was altered" in report["message"]
    assert report["hint"]
    assert report["message"] in namespace.kubectl("describe", "pod", pod["metadata"]["name"])
    with namespace.door() as door:
        async with connect(f"{door.ws_url}/v1/responses", MASTER_KEY) as socket:
            assert said(await turn(socket, model="gpt-5.4", input="hi"))
    ready = [
        pod["metadata"]["uid"]
        for pod in namespace.pods()
        if {"type": "Ready", "status": "True"}.items()
        <= {
            k: v for c in pod["status"]["conditions"] if c["type"] == "Ready" for k, v in c.items()
        }.items()
    ]
    assert ready == [served["metadata"]["uid"]]


async def test_passthrough_starts_unpatched_and_says_so(namespace, served):
    """With `onUnknown: passthrough` the image's own file runs, and the report says NOT PATCHED."""
    namespace.install(namespace.values("changed", onUnknown="passthrough"))
    pod = namespace.pod()
    report = decision(pod)
    assert report["decision"] == "passthrough"
    assert report["message"].startswith("NOT PATCHED")
    with namespace.door(PROXY) as door, pytest.raises(InvalidStatus) as refusal:
        await connect(f"{door.ws_url}/v1/responses", MASTER_KEY)
    assert refusal.value.response.status_code == 403
    assert '"WebSocket /v1/responses" 403' in namespace.logs()
