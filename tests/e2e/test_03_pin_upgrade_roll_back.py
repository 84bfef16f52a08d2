"""Story 3: pin 1.0.0, upgrade to 2.0.0, and roll back with Helm and with Kubernetes."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading

import pytest
import yaml
from websockets.exceptions import ConnectionClosed

from e2e.kit.stories import MASTER_KEY, decision
from support.client import connect, turn
from support.helm import CHART

TRIES = 5  # as many as Codex makes
RESTART = 1012  # "service restart": the client connects again


class Customer:
    """A client that makes turn after turn until the block ends, each on a new connection."""

    def __init__(self, door):
        self.door = door
        self.stop = threading.Event()
        self.turns = 0
        self.failures = []

    def __enter__(self):
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    async def run(self):
        while not self.stop.is_set():
            try:
                await self.one_turn()
                self.turns += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, service had a gap
                self.failures.append(repr(error))
            await asyncio.sleep(0.2)

    async def one_turn(self):
        for _ in range(TRIES):
            with contextlib.suppress(ConnectionClosed):
                async with connect(f"{self.door.ws_url}/v1/responses", MASTER_KEY) as socket:
                    events = await turn(socket, model="gpt-5.4", input="hi")
                    if events[-1]["type"] == "response.completed":
                        return
                    raise AssertionError(events[-1])
        raise AssertionError(f"no turn in {TRIES} tries")


def version_of(namespace):
    """Return the one pod's patch version; fail unless report, annotations and ConfigMap agree."""
    pod = namespace.pod()
    version = decision(pod)["patchVersion"]
    annotations = pod["metadata"]["annotations"]
    assert annotations["litellm-overlay/patch-version"] == version
    (payload,) = (
        volume["configMap"]["name"]
        for volume in pod["spec"]["volumes"]
        if volume["name"] == "litellm-overlay-payload"
    )
    digest = annotations["litellm-overlay/payload-digest"]
    assert payload.endswith(f"-{version}-{digest[:12]}")
    stored = namespace.get("configmap", payload)
    assert stored["metadata"]["annotations"]["litellm-overlay/payload-digest"] == digest
    assert stored["immutable"] is True
    return version


@pytest.fixture
def newer_chart(tmp_path):
    """Return a copy of the chart with a higher version."""
    chart = tmp_path / "litellm-overlay"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**about, "version": "99.0.0"}))
    return chart


def test_every_revision_gets_its_own_payload_and_nobody_waits(namespace, newer_chart):
    """Upgrade, `helm rollback` and `kubectl rollout undo` use the right payload; no turn fails."""
    pinned = namespace.values("venv", patch={"version": "1.0.0"})
    namespace.install(pinned)
    assert version_of(namespace) == "1.0.0"
    first = namespace.pod()
    with namespace.door() as door, Customer(door) as customer:
        # A newer chart with the same pin keeps the very same pod.
        namespace.install(pinned, chart=newer_chart)
        second = namespace.pod()
        assert second["metadata"]["uid"] == first["metadata"]["uid"]
        assert second["spec"] == first["spec"]
        assert "litellm-overlay-99.0.0" in namespace.helm("list")

        namespace.install(namespace.values("venv", patch={"version": "2.0.0"}))
        assert version_of(namespace) == "2.0.0"

        namespace.helm("rollback", "litellm", "1", "--wait", "--timeout", "180s")
        assert version_of(namespace) == "1.0.0"

        namespace.kubectl("rollout", "undo", "deployment/litellm")
        namespace.wait_for_rollout()
        assert version_of(namespace) == "2.0.0"
    assert customer.failures == []
    assert customer.turns > 20
