"""Story 25, continued: the rows about turns and about pods that end."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from websockets.exceptions import ConnectionClosed

from e2e.kit.first_aid import APPLY, DESCRIBE, WORKS, pod_of, proxy_of
from e2e.kit.foreign import APP
from e2e.kit.stories import MASTER_KEY, deployment, until
from support.client import close_code, connect, hear, receive_turn, said, say, turn


@pytest.fixture
def drops(aid):
    """Run a provider for gpt-4o that breaks off every answer."""
    provider = aid.namespace.world.start_provider("drops", "TRIGGERDROP")
    yield
    provider.delete()


def spent(aid):
    """Return the tokens of each call in the proxy's log, of the callback SPEND."""
    lines = [line for line in aid.namespace.logs(selector=APP).splitlines() if "SPENT " in line]
    return [json.loads(line.partition("SPENT ")[2])["total_tokens"] for line in lines]


def test_what_1_0_0_leaves(aid, drops):
    """1.0.0 leaves hanging turns and unbilled turns; 2.0.0 fixes both."""
    container = {"name": "litellm", "image": "ghcr.io/berriai/litellm:v1.89.7"}
    older = deployment("older", {"app": "older"}, {"containers": [container]}, replicas=0)
    waits = "Codex would wait for up to 300 s"
    with aid.row("a turn hangs"), aid.row("spend missing"):
        aid.deploy("--patch 1.0.0")
        aid.settle()
        assert waits in aid.probe("gpt-4o", options="--timeout 5")
        assert WORKS in aid.probe()
        assert "litellm-overlay/patch-version: 1.0.0" in aid.sh(DESCRIBE)
        aid.namespace.apply(older)
        assert aid.finding("handshake-fixed").fix == "litellm-overlay inject < MANIFESTS"
        assert not any(spent(aid))
        (aid.folder / "older.yaml").write_text(yaml.safe_dump(older))
        aid.sh(f"litellm-overlay inject older.yaml > patched.yaml && {APPLY} patched.yaml")
        aid.deploy()
        aid.settle()
        broken = aid.probe("gpt-4o", options="--timeout 5")
        assert waits not in broken
        assert "turn: error event, status 502" in broken
        assert WORKS in aid.probe()
        until(lambda: list(filter(None, spent(aid))) == [18] * 3, "the spend of three turns")
        aid.assert_fixed("handshake-fixed")
    aid.sh("kubectl delete deployment older")


async def test_a_large_message(aid, serving):
    """A message above the overlay's limit, or uvicorn's, ends the connection with code 1009."""
    sizes = (9, 5000, 17 << 20)
    small, large, larger = ({"model": "gpt-5.4", "input": "x" * size} for size in sizes)
    with aid.row("close code 1009"):
        aid.deploy("--set maxMessageBytes=4096")
        aid.settle()
        assert '"maxMessageBytes":4096' in aid.sh(DESCRIBE)
        with aid.port_forward() as url:
            async with connect(f"ws{url[4:]}/v1/responses", MASTER_KEY) as socket:
                (event,) = await turn(socket, **large)
                assert "larger than 4096 bytes" in event["error"]["message"]
                assert await close_code(socket) == 1009
            async with connect(f"ws{url[4:]}/v1/responses", MASTER_KEY) as socket:
                assert said(await turn(socket, **small))
        aid.deploy()
        aid.settle()
        with aid.port_forward() as url:
            async with connect(f"ws{url[4:]}/v1/responses", MASTER_KEY) as socket:
                assert said(await turn(socket, **large))
                with pytest.raises(ConnectionClosed) as closed:
                    await turn(socket, **larger)
                assert closed.value.rcvd.code == 1009


def test_evicted(aid, serving):
    """An ephemeral-storage limit of the init container evicts the proxy; doctor explains it."""
    limits = {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "16Mi"}
    file = aid.folder / "limited.yaml"
    file.write_text(yaml.safe_dump({"initResources": {"limits": limits}}))
    with aid.row("evicted"):
        aid.deploy(f"--values {file.name}")
        fill = "head --bytes=40M /dev/zero > /tmp/full"
        aid.sh(f"kubectl exec {aid.started()} --container litellm -- sh -c '{fill}'")
        until(lambda: "exceeds the total limit of containers 16Mi" in aid.sh(DESCRIBE), "eviction")
        assert "initResources" in aid.finding("ephemeral-storage").fix
        aid.deploy()
        aid.assert_fixed("ephemeral-storage")


async def ended(aid):
    """Delete a pod during a turn of 8 s; return the last event's type, or "cut"."""
    pod = f"pod/{aid.started()}"
    create = {"type": "response.create", "model": "gpt-5.4", "input": "TRIGGERPACED:80"}
    with aid.port_forward(pod) as url:
        async with connect(f"ws{url[4:]}/v1/responses", MASTER_KEY) as socket:
            await say(socket, create)
            while (await hear(socket))["type"] != "response.output_text.delta":
                pass
            aid.sh(f"kubectl delete {pod} --wait=false")
            try:
                return (await receive_turn(socket))[-1]["type"]
            except ConnectionClosed:
                return "cut"


async def test_a_pod_ends(aid, serving):
    """A pod's end cuts a running turn; with doctor's hook and grace period the turn completes."""
    with aid.row("cut at each rollout"):
        aid.settle()
        assert await ended(aid) == "cut"
        fix = aid.finding("no-drain").fix
        inject = r"^litellm-overlay inject (--set .*) < MANIFESTS$"
        options = re.search(inject, fix, re.MULTILINE)[1]
        by_hand = [line for line in fix.splitlines() if line.startswith("  ")]
        hooks = {"lifecycle": yaml.safe_load("\n".join(by_hand))["lifecycle"]}
        grace = {}

        def drain(deployment):
            proxy_of(deployment).update(hooks)
            pod_of(deployment).update(grace)

        aid.sh("kubectl rollout pause deployment/litellm")
        aid.deploy(options, before=drain)
        grace.update(yaml.safe_load(aid.finding("short-grace").fix))
        aid.deploy(options, before=drain)
        aid.sh("kubectl rollout resume deployment/litellm")
        aid.settle()
        aid.assert_fixed("no-drain", "short-grace")
        assert await ended(aid) == "response.completed"
