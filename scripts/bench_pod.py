"""Time the start of a pod with the overlay beside the plain pod's, on a kind cluster.

    python scripts/bench_pod.py [--images pull|build] [--keep] [--name NAME] [--runs N] [--write]

The time is from `kubectl apply` until the pod is ready, with the image on the node. The two pods
alternate. Medians are printed, and the guard's own time by its report.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import yaml

import bench_cluster
from figures import Row
from kind import litellm

if TYPE_CHECKING:
    from kind.cluster import Cluster

NAMESPACE, POD = "bench-pod", "litellm"


def main() -> int:
    """Bring up the cluster, measure and print; return the exit code."""
    parser = bench_cluster.parser("Time the start of pods.")
    parser.add_argument("--runs", type=int, default=5, help="of each, after one that warms up")
    options = parser.parse_args()

    def measured(cluster: Cluster) -> dict[str, Row]:
        image = litellm.image("venv", options.images)
        cluster.load(image)
        try:
            cluster.kubectl("create", "namespace", NAMESPACE)
            return measure(cluster, image, options.runs)
        finally:
            cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")

    return bench_cluster.run("pod", "python scripts/bench_pod.py", options, measured)


def manifests(image: str) -> dict[str, str]:
    """Return the plain pod as YAML, and what `inject` makes of it."""
    ready = {"httpGet": {"path": "/health/readiness", "port": 4000}, "periodSeconds": 1}
    container = {
        "name": "litellm",
        "image": image,
        "args": ["--port", "4000"],
        "env": [{"name": "LITELLM_LOCAL_MODEL_COST_MAP", "value": "True"}],
        "readinessProbe": ready,
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }
    plain = yaml.safe_dump(pod)
    inject = [sys.executable, "-m", "litellm_overlay", "inject"]
    done = subprocess.run(inject, input=plain, check=True, stdout=subprocess.PIPE, text=True)
    return {"plain": plain, "overlaid": done.stdout}


def measure(cluster: Cluster, image: str, runs: int) -> dict[str, Row]:
    """Return the rows, in seconds; the first round is not counted."""
    took: dict[str, list[float]] = {}
    guard = []
    for turn in range(1 + runs):
        for name, text in manifests(image).items():
            began = time.perf_counter()
            cluster.kubectl("apply", "--filename", "-", stdin=text)
            told = ("--namespace", NAMESPACE)
            cluster.kubectl(*told, "wait", "--for=condition=Ready", f"pod/{POD}", "--timeout=5m")
            seconds = time.perf_counter() - began
            pod = json.loads(cluster.kubectl(*told, "get", "pod", POD, "--output", "json"))
            cluster.kubectl(*told, "delete", "pod", POD)
            if turn:
                took.setdefault(name, []).append(seconds)
                guard += reported(pod)
    overlaid, plain = (statistics.median(took[name]) for name in ("overlaid", "plain"))
    return {
        "pod-start": Row("start of a pod: with the overlay / plain", overlaid, plain, "s"),
        "pod-guard": Row(
            "the guard in its pod / start of the plain pod", statistics.median(guard), plain, "s"
        ),
    }


def reported(pod: dict[str, Any]) -> list[float]:
    """Return the seconds that the guard of a pod reports; [] for a pod without a guard."""
    ended = [each["state"]["terminated"] for each in pod["status"].get("initContainerStatuses", [])]
    return [json.loads(each["message"])["milliseconds"] / 1000 for each in ended]


if __name__ == "__main__":
    sys.exit(main())
