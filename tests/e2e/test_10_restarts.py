"""Story 10: what is killed comes back patched, be it the proxy, the init container or the node."""

from __future__ import annotations

import contextlib
import json

import pytest

from fakes.client import connect, said, turn
from fakes.stories import MASTER_KEY, decision, until
from kind.cluster import CTR
from kind.steps import run
from litellm_overlay.errors import OverlayError

FLAG = "/litellm-overlay/drain/now"
KILLED = 137
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
    (before,) = namespace.pods()
    # So a proxy is left that fails its liveness probe: Kubernetes runs the preStop hook first.
    inside(namespace, before, "touch", FLAG)
    kill(world, status_of(before, "litellm"))

    def back():
        (pod,) = namespace.pods()
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

    def guard(state, word):
        """Return the status of a guard of which that is said in that state."""
        statuses = [status_of(pod, "litellm-overlay") for pod in namespace.pods()]
        return next((one for one in statuses if word in one.get(state, {})), None)

    kill(world, until(lambda: guard("state", "running"), "a guard at work"))
    killed = until(lambda: guard("lastState", "terminated"), "the guard's second run")
    assert killed["lastState"]["terminated"]["exitCode"] == KILLED
    namespace.wait_for_rollout()
    (pod,) = namespace.pods()
    assert status_of(pod, "litellm-overlay")["restartCount"] == 1
    assert module_is_whole(namespace, pod)
    await works(door)


def ready_containers(world):
    """Return the ids of the containers of each pod that is ready and to stay, by the pod's own id."""
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


async def test_the_node_is_restarted(namespace, world, door):
    """Every pod comes back, none is replaced, and the guard has patched anew."""
    (before,) = namespace.pods()
    containers = ready_containers(world)
    run("docker", "restart", world.cluster.node)

    def back():
        with contextlib.suppress(OverlayError):  # as long as the API server does not answer
            now = ready_containers(world)
            return containers.keys() <= now.keys() and all(
                containers[pod].isdisjoint(now[pod]) for pod in containers
            )
        return False

    until(back, "every pod on the node that has come back", 300)
    (pod,) = namespace.pods()
    assert pod["metadata"]["uid"] == before["metadata"]["uid"]
    guard, old = (status_of(one, "litellm-overlay") for one in (pod, before))
    assert guard["containerID"] != old["containerID"]
    assert module_is_whole(namespace, pod)
    await works(door)
