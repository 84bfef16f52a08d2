"""A restart of the cluster's node."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

from e2e.kit.stories import until
from kind.steps import run
from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from e2e.kit.stories import World


def restart(world: World) -> None:
    """Restart the node; wait until every pod that was ready is ready again with new containers."""
    containers = ready_containers(world)
    run("docker", "restart", world.cluster.node)

    def back() -> bool:
        with contextlib.suppress(OverlayError):  # while the API server does not answer
            now = ready_containers(world)
            return containers.keys() <= now.keys() and all(
                containers[pod].isdisjoint(now[pod]) for pod in containers
            )
        return False

    def settled() -> bool:
        """Tell whether all are ready and stay so: the kubelet may start a container once more."""
        if not back():
            return False
        with contextlib.suppress(OverlayError):
            before = ready_containers(world)
            time.sleep(5)
            return ready_containers(world) == before
        return False

    until(settled, "every pod on the node that has come back", 600)


def ready_containers(world: World) -> dict[str, set[str]]:
    """Return {pod uid: container ids} of the pods that are ready and not being deleted."""
    listed = json.loads(
        world.cluster.kubectl("get", "pods", "--all-namespaces", "--output", "json")
    )
    ready = {"type": "Ready", "status": "True"}
    return {
        pod["metadata"]["uid"]: {
            status["containerID"] for status in pod["status"]["containerStatuses"]
        }
        for pod in listed["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and any(ready.items() <= condition.items() for condition in pod["status"]["conditions"])
    }
