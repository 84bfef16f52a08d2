"""Story 6: the values name a module path that the image does not have."""

from __future__ import annotations

from e2e.kit.stories import decision, until
from kind.litellm import module_in

WRONG_MODULE_PATH = 16  # the guard's exit code


def test_refused_and_the_right_path_named(namespace, world):
    """The guard refuses a path that nobody imports and names the right one, which then works."""
    right, wrong = module_in(world.image("venv")), module_in(world.image("system"))
    assert right != wrong
    namespace.install(namespace.values("venv", modulePath=wrong), wait=False)

    def refused():
        pod = namespace.pod()
        (status,) = pod["status"].get("initContainerStatuses", [{}])
        ended = status.get("state", {}).get("terminated") or status.get("lastState", {}).get(
            "terminated"
        )
        return ended and (pod, ended)

    pod, ended = until(refused, "the refusal")
    assert ended["exitCode"] == WRONG_MODULE_PATH
    report = decision(pod)
    assert report["decision"] == "refused"
    assert right in report["message"] + report["hint"]
    namespace.install(namespace.values("venv", modulePath=right))
    pod = namespace.pod()
    assert decision(pod)["decision"] == "patched"
