"""Story 10: what is killed comes back patched, be it the proxy, the init container or the node."""

from __future__ import annotations

import pytest

from e2e.kit import node
from e2e.kit.stories import MASTER_KEY, decision, until
from kind.cluster import CTR
from support.client import connect, said, turn

FLAG = "/litellm-overlay/drain/now"
# So little that the guard takes half a minute instead of less than a second.
SLOW = {"cpu": "20m", "memory": "64Mi"}


@pytest.fixture(scope="module")
def door(namespace):
    """Install the chart."""
    namespace.install(namespace.values("venv"))
    with namespace.door() as door:
        yield door


async def works(door):
    """Make a turn that a stock proxy would refuse: without ?model=."""
    door.wait()
    async with connect(f"{door.ws_url}/v1/responses", MASTER_KEY) as socket:
        assert said(await turn(socket, model="gpt-5.4", input="hi")) == "Hello from the mock model."


def inside(namespace, pod, *command):
    """Return what a command prints in the proxy's container."""
    name = pod["metadata"]["name"]
    return namespace.kubectl("exec", name, "--container", "litellm", "--", *command)


def module_is_whole(namespace, pod):
    """Tell whether the proxy's module is, to the byte, what the guard says it wrote."""
    report = decision(pod)
    digest = inside(namespace, pod, "sha256sum", report["modulePath"]).split()[0]
    return report["decision"] == "patched" and digest == report["patchedSha256"]


def status_of(pod, name):
    """Return the status of one container, an init container too; {} before there is one."""
    statuses = pod["status"]
    both = statuses.get("initContainerStatuses", []) + statuses.get("containerStatuses", [])
    return next((status for status in both if status["name"] == name), {})


def kill(world, status):
    """Kill a container's first process from outside, as the kernel does when memory runs out."""
    task = status["containerID"].removeprefix("containerd://")
    world.cluster.on_node(*CTR, "tasks", "kill", "--signal", "SIGKILL", task)


async def test_the_proxy_is_killed(namespace, world, door):
    """The same pod serves again, and a drain that had begun does not go on in the new process."""
    before = namespace.pod()
    # So a proxy is left that fails its liveness probe: Kubernetes runs the preStop hook first.
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
    """Kubernetes runs it again, and the proxy starts with a file that is whole."""
    resources = {"requests": SLOW, "limits": SLOW}
    namespace.install(namespace.values("venv", initResources=resources), wait=False)

    def guard(holds):
        """Return the status of a guard of which that is true."""
        statuses = [status_of(pod, "litellm-overlay") for pod in namespace.pods()]
        return next(filter(holds, statuses), None)

    first = until(lambda: guard(lambda one: "running" in one.get("state", {})), "a guard at work")
    kill(world, first)
    # Not by its lastState: the kubelet forgets that of an init container, and never its restarts.
    until(lambda: guard(lambda one: one.get("restartCount")), "the guard's second run")
    namespace.wait_for_rollout()
    pod = namespace.pod()
    second = status_of(pod, "litellm-overlay")
    assert second["restartCount"] == 1
    assert second["containerID"] != first["containerID"]
    assert module_is_whole(namespace, pod)
    await works(door)


async def test_the_node_is_restarted(namespace, world, door):
    """Every pod comes back, none is replaced, and the guard has patched again."""
    before = namespace.pod()
    node.restart(world)
    pod = namespace.pod()
    assert pod["metadata"]["uid"] == before["metadata"]["uid"]
    guard, old = (status_of(one, "litellm-overlay") for one in (pod, before))
    assert guard["containerID"] != old["containerID"]
    assert module_is_whole(namespace, pod)
    await works(door)
