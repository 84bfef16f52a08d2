"""Story 28: somebody with the right to edit ConfigMaps changes the payload's code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from e2e.kit.stories import MASTER_KEY, until
from litellm_overlay.names import PAYLOAD_LABELS

ALTERED_PAYLOAD = 21  # the exit code of manifests/prove.py
KEY = "endpoint_patch.versions.v2_0_0.inserted.bridge.py"
CANARY = "import sys; sys.stderr.write('the canary ran')\n"
SELECTOR = ",".join(f"{name}={value}" for name, value in PAYLOAD_LABELS.items())


@pytest.fixture(scope="module")
def payload(namespace):
    """Install the chart; return the ConfigMap of the payload that its pod runs."""
    namespace.install(namespace.values("venv"))
    found = namespace.get("configmaps", "--selector", SELECTOR)["items"]
    return next(each for each in found if "-2.0.0-" in each["metadata"]["name"])


def replace(namespace, payload, **data):
    """Replace the ConfigMap: delete it and create one of its name, since it is immutable."""
    metadata = {key: payload["metadata"][key] for key in ("name", "labels", "annotations")}
    namespace.kubectl("delete", "configmap", metadata["name"])
    namespace.apply(
        {
            "kind": "ConfigMap",
            "metadata": metadata,
            "immutable": True,
            "data": {**payload["data"], **data},
        }
    )


def overlay(namespace, verb, *arguments):
    """Return exit code and JSON output of a verb."""
    config = str(namespace.world.cluster.kubeconfig)
    done = subprocess.run(
        [sys.executable, "-m", "litellm_overlay", verb, "-n", namespace.name, *arguments],
        env={**os.environ, "KUBECONFIG": config, "OPENAI_API_KEY": MASTER_KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def scale(namespace, replicas):
    """Scale the Deployment; at zero, wait for the pods to go: the kubelet keeps their mounts."""
    namespace.kubectl("scale", "deployment/litellm", f"--replicas={replicas}")
    if not replicas:
        until(lambda: not namespace.get("pods")["items"], "the pods are gone")


def test_no_byte_of_it_runs(namespace, payload):
    """`verify` reports altered code while the pod runs; a new pod is refused before it runs."""
    code, (result,) = overlay(namespace, "verify", "--output", "json")
    assert (code, result["faults"]) == (0, [])
    replace(namespace, payload, **{KEY: CANARY + payload["data"][KEY]})
    code, (result,) = overlay(namespace, "verify", "--output", "json")
    assert code == 5
    assert f"the ConfigMap {payload['metadata']['name']} was altered" in result["faults"][0]
    scale(namespace, 0)
    scale(namespace, 1)

    def refused():
        pod = namespace.pod("")
        (status,) = pod["status"].get("initContainerStatuses", [{}])
        ends = [status.get(state, {}).get("terminated") for state in ("state", "lastState")]
        return next(filter(None, ends), None)

    ended = until(refused, "the refusal")
    assert ended["exitCode"] == ALTERED_PAYLOAD
    said = json.loads(ended["message"])
    assert said["message"].startswith("The payload is ")
    assert "the canary ran" not in namespace.logs("litellm-overlay")
    _, (row,) = overlay(namespace, "status", "--output", "json")
    assert row["decision"] == "refused"
    assert said["message"] in row["reasons"][0]


def test_put_back_it_runs(namespace, payload):
    """With the original payload back, as the hint says, the pod runs again."""
    replace(namespace, payload)
    scale(namespace, 0)
    scale(namespace, 1)
    namespace.wait_for_rollout()
    code, (result,) = overlay(namespace, "verify", "--output", "json")
    assert (code, result["verdict"], result["faults"]) == (0, "works", [])
