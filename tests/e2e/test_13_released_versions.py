"""Story 13: a deployment of one release works under the next release."""

from __future__ import annotations

import base64

import pytest

from e2e.kit import node
from e2e.kit.stories import MASTER_KEY, decision
from support import scratch
from support.client import connect, said, turn

SECRET = 1_048_576  # bytes; the limit of a Secret


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Return the charts of two releases, between which guard and catalogue change."""
    return scratch.charts(tmp_path_factory.mktemp("release"))


async def works(door, namespace, patch):
    """Require a turn, and that the one pod runs this patch version; return the pod."""
    door.wait()
    async with connect(f"{door.ws_url}/v1/responses", MASTER_KEY) as socket:
        assert said(await turn(socket, model="gpt-5.4", input="hi")) == "Hello from the mock model."
    pod = namespace.pod()
    report = decision(pod)
    assert (report["decision"], report["patchVersion"]) == ("patched", patch)
    return pod


async def test_a_deployment_of_the_first_release(namespace, world, two):
    """It survives upgrade, `kubectl rollout undo`, a restart of the node, and `helm rollback`."""
    first, second = two
    values = namespace.values("venv")
    namespace.install(values, chart=first)
    with namespace.door() as door:
        before = await works(door, namespace, scratch.DEFAULT)

        # The next release with the pin keeps the very same pod.
        namespace.install({**values, "patch": {"version": scratch.DEFAULT}}, chart=second)
        after = await works(door, namespace, scratch.DEFAULT)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]

        namespace.install(values, chart=second)
        await works(door, namespace, scratch.FIXED)

        # Back to a revision of the first release, whose payload the second release also renders.
        namespace.kubectl("rollout", "undo", "deployment/litellm")
        namespace.wait_for_rollout()
        undone = await works(door, namespace, scratch.DEFAULT)
        assert undone["spec"]["initContainers"] == before["spec"]["initContainers"]
        assert decision(undone)["patchedSha256"] == decision(before)["patchedSha256"]

        node.restart(world)
        again = await works(door, namespace, scratch.DEFAULT)
        assert again["metadata"]["uid"] == undone["metadata"]["uid"]

        namespace.helm("rollback", "litellm", "1", "--wait", "--timeout", "180s")
        await works(door, namespace, scratch.DEFAULT)
        listed = namespace.get("configmaps", "--selector", "app.kubernetes.io/component=payload")
        versions = {
            item["metadata"]["labels"]["app.kubernetes.io/version"] for item in listed["items"]
        }
        assert scratch.FIXED not in versions


def test_what_helm_has_stored(namespace):
    """Helm stores each revision in a Secret of less than half the size limit."""
    stored = namespace.get("secrets", "--selector", "owner=helm")["items"]
    assert len(stored) == 4
    for item in stored:
        assert len(base64.b64decode(item["data"]["release"])) < SECRET / 2
