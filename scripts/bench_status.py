"""Time `litellm-overlay status -A` beside `kubectl get deploy,pods -A -o json`, on a kind cluster.

    python scripts/bench_status.py [--images pull|build] [--keep] [--name NAME] [--write]
                                   [DEPLOYMENTS]

500 overlaid Deployments with two pods each, by default. No kubelet runs the pods: they are bound to
a node that is only an object, and their status is written through the API as a kubelet writes it.
Both commands alternate; medians of five and their ratio are printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import yaml
from kubernetes import client, config

import bench_cluster
from figures import Row
from litellm_overlay.catalogue import releases
from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from pathlib import Path

    from kind.cluster import Cluster

NAMESPACE, NODE = "bench-status", "no-kubelet"
RUNS = 5
RELEASE = releases.load().release("1.88.6")
IMAGE = f"ghcr.io/berriai/litellm:v{RELEASE.version}"
IMAGE_ID = f"ghcr.io/berriai/litellm@sha256:{'a' * 64}"
# The guard's report in such a pod, as long as a real one.
REPORT = {
    "decision": "patched",
    "exitCode": 0,
    "message": "Done.",
    "hint": None,
    "upstream": "affected",
    "basis": "sha256",
    "knownAs": "1.82.6 to 1.88.6",
    "litellmVersion": RELEASE.version,
    "patchVersion": releases.load().default_patch_version,
    "modulePath": "/app/.venv/lib/python3.13/site-packages/litellm/proxy/response_api_endpoints"
    "/endpoints.py",
    "stockSha256": RELEASE.endpoints_sha256,
    "patchedSha256": "c" * 64,
    "python": "3.13.9",
    "milliseconds": 214,
}


def main() -> int:
    """Bring up the cluster, fill it, measure and print; return the exit code."""
    parser = bench_cluster.parser("Time status on a large fleet.")
    parser.add_argument("deployments", type=int, nargs="?", default=500)
    options = parser.parse_args()

    def measured(cluster: Cluster) -> dict[str, Row]:
        try:
            fill(cluster, options.deployments)
            return {"status": measure(cluster, options.deployments)}
        finally:
            clear(cluster, "--wait=false")

    return bench_cluster.run("status", "python scripts/bench_status.py", options, measured)


def fill(cluster: Cluster, number: int) -> None:
    """Create the Deployments, and write the status of their pods as a kubelet would."""
    clear(cluster, "--ignore-not-found", "--timeout=5m")
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}},
        *deployments(number),
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    cluster.kubectl("create", "--filename", "-", stdin=json.dumps(listed))
    while len(names := pods(cluster)) < 2 * number:
        time.sleep(5)
    api = client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))
    status = {"status": running()}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: api.patch_namespaced_pod_status(name, NAMESPACE, status), names))


def clear(cluster: Cluster, *options: str) -> None:
    """Delete what `fill` creates.

    The node goes first: Kubernetes then deletes its pods, which no kubelet could terminate.
    """
    cluster.kubectl("delete", "node", NODE, "--ignore-not-found")
    cluster.kubectl("delete", "namespace", NAMESPACE, *options)


def deployments(number: int) -> list[dict[str, Any]]:
    """Return overlaid Deployments that differ only by name, copies of one that `inject` made."""
    done = subprocess.run(
        [sys.executable, "-m", "litellm_overlay", "inject"],
        input=yaml.safe_dump(stock("one-of-many")),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    overlaid = next(
        item for item in yaml.safe_load_all(done.stdout) if item["kind"] == "Deployment"
    )
    text = json.dumps(overlaid)
    return [json.loads(text.replace("one-of-many", f"proxy-{index}")) for index in range(number)]


def stock(name: str) -> dict[str, Any]:
    """Return a Deployment without the overlay, its pods bound to the node without a kubelet."""
    pod = {
        "containers": [{"name": "litellm", "image": IMAGE}],
        "nodeName": NODE,
        "tolerations": [{"operator": "Exists"}],  # the node will become not ready
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def pods(cluster: Cluster) -> list[str]:
    """Return the names of the existing pods."""
    printed = cluster.kubectl("--namespace", NAMESPACE, "get", "pods", "--output", "name")
    return [line.removeprefix("pod/") for line in printed.split()]


def running() -> dict[str, Any]:
    """Return a running pod's status, with the fields that the API requires."""
    ended = {"exitCode": 0, "reason": "Completed", "message": json.dumps(REPORT)}
    states = {"litellm-overlay": {"terminated": ended}, "litellm": {"running": {}}}
    both = {"image": IMAGE, "imageID": IMAGE_ID, "ready": True, "restartCount": 0}
    init, proxy = ({"name": name, "state": state, **both} for name, state in states.items())
    conditions = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "phase": "Running",
        "initContainerStatuses": [init],
        "containerStatuses": [proxy],
        "conditions": [{"type": name, "status": "True"} for name in conditions],
    }


def measure(cluster: Cluster, number: int) -> Row:
    """Return the row of medians; the commands alternate, and the first runs do not count."""
    ours = [sys.executable, "-m", "litellm_overlay", "status", "-A"]
    theirs: list[str | Path] = [cluster.kubectl_path, "get", "deploy,pods", "-A", "-o", "json"]
    environ = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    printed = subprocess.run(
        [*ours, "--output", "json"], env=environ, check=True, stdout=subprocess.PIPE
    ).stdout
    patched = [row for row in json.loads(printed) if row["decision"] == "patched"]
    healthy = [row for row in patched if (row["agreeing"], row["pods"]) == (2, 2)]
    if len(healthy) != number:
        raise OverlayError(f"{len(healthy)} of {number} Deployments are seen as patched")
    times: dict[str, list[float]] = {"status": [], "kubectl": []}
    for _ in range(1 + RUNS):
        for name, command in (("status", ours), ("kubectl", theirs)):
            began = time.perf_counter()
            subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(taken[1:]) for name, taken in times.items()}
    what = f"`status -A` of {number} Deployments / `kubectl get deploy,pods -A -o json`"
    return Row(what, medians["status"], medians["kubectl"], "s")


if __name__ == "__main__":
    sys.exit(main())
