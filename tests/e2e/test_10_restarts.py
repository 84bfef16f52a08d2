"""Story 10: a killed proxy, init container or node comes back patched."""

from __future__ import annotations

import pytest

from e2e.kit import node
from e2e.kit.stories import MASTER_KEY, decision, until
from kind.cluster import CTR
from support.client import connect, said, turn

FLAG = "/litellm-overlay/drain/now"
# So little CPU that the guard takes half a minute instead of less than a second.
SLOW = {"cpu": "20m", "memory": "64Mi"}


@pytest.fixture(scope="module")
def door(namespace):
    """Install the chart; yield a door to the proxy."""
    namespace.install(namespace.values("venv"))
    with namespace.door() as door:
        yield door


async def works(door):
    """Require a turn without ?model=, which a stock proxy would refuse."""
    door.wait()
    async with connect(f"{door.ws_url}/v1/responses", MASTER_KEY) as socket:
        assert said(await turn(socket, model="gpt-5.4", input="hi")) == "Hello from the mock model."


def inside(namespace, pod, *command):
    """Return the output of a command in the proxy's container."""
    name = pod["metadata"]["name"]
    return namespace.kubectl("exec", name, "--container", "litellm", "--", *command)


def module_is_whole(namespace, pod):
    """Tell whether the proxy's module has the hash that the guard reported."""
    report = decision(pod)
    digest = inside(namespace, pod, "sha256sum", report["modulePath"]).split()[0]
    return report["decision"] == "patched" and digest == report["patchedSha256"]


def status_of(pod, name):
    """Return the status of a container or init container; {} if there is none yet."""
    statuses = pod["status"]
    both = statuses.get("initContainerStatuses", []) + statuses.get("containerStatuses", [])
    return next((status for status in both if status["name"] == name), {})


def kill(world, status):
    """Kill a container's first process from outside, as the kernel does when memory runs out."""
    task = status["containerID"].removeprefix("containerd://")
    world.cluster.on_node(*CTR, "tasks", "kill", "--signal", "SIGKILL", task)


async def test_the_proxy_is_killed(namespace, world, door):
    """A killed proxy serves again in the same pod, and a drain that had begun is over."""
    before = namespace.pod()
    # A liveness failure leaves such a flag: Kubernetes then runs the preStop hook first.
    inside(namespace, before, "touch", FLAG)
    kill(world, status_of(before, "litellm"))

    def back():
        pod = namespace.pod()
        status = status_of(pod, "litellm")
        return status["restartCount"] == 1 and status["ready"] and pod

    pod = until(back, "the proxy's second start")
    assert pod["metadata"]["uid"] == before["metadata"]["uid"]
    assert inside(namespace, pod, "ls", "-A", "/litellm-overlay/drain") == ""
    assert module_is_whole(namespace, pod)
    await works(door)


async def test_the_init_container_is_killed_half_way(namespace, world, door):
    """Kubernetes runs a killed init container again, and the proxy starts with a complete file."""
    resources = {"requests": SLOW, "limits": SLOW}
    namespace.install(namespace.values("venv", initResources=resources), wait=False)

    def guard(holds):
        """Return the first guard's status for which `holds` is true, or None."""
        statuses = [status_of(pod, "litellm-overlay") for pod in namespace.pods()]
        return next(filter(holds, statuses), None)

    first = until(lambda: guard(lambda one: "running" in one.get("state", {})), "a guard at work")
    kill(world, first)
    # The kubelet forgets an init container's lastState, but not its restart count.
    until(lambda: guard(lambda one: one.get("restartCount")), "the guard's second run")
    namespace.wait_for_rollout()
    pod = namespace.pod()
    second = status_of(pod, "litellm-overlay")
    assert second["restartCount"] == 1
    assert second["containerID"] != first["containerID"]
    assert module_is_whole(namespace, pod)
    await works(door)


async def test_the_node_is_restarted(namespace, world, door):
    """After a restart of the node every pod is back, none is replaced, and the guard ran again."""
    before = namespace.pod()
    node.restart(world)
    pod = namespace.pod()
    assert pod["metadata"]["uid"] == before["metadata"]["uid"]
    guard, old = (status_of(one, "litellm-overlay") for one in (pod, before))
    assert guard["containerID"] != old["containerID"]
    assert module_is_whole(namespace, pod)
    await works(door)
