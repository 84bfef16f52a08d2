"""Story 1: a stock image, without the overlay."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from e2e.kit.stories import MASTER_KEY
from litellm_overlay.local import codex_cli
from litellm_overlay.responses import codex_config
from pins import PINS
from support.client import connect


@pytest.fixture(scope="module")
def door(namespace):
    """Install the chart without the overlay; yield a door to the proxy."""
    namespace.install(namespace.values("venv", patch={"enabled": False}))
    pod = namespace.pod()
    assert "initContainers" not in pod["spec"]
    with namespace.door() as door:
        yield door


async def test_the_handshake_is_refused(door, namespace):
    """LiteLLM's log shows that its own handler answers a handshake without ?model= with 403."""
    with pytest.raises(InvalidStatus) as refusal:
        await connect(f"{door.ws_url}/v1/responses", MASTER_KEY)
    assert refusal.value.response.status_code == 403
    assert '"WebSocket /v1/responses" 403' in namespace.logs()


@pytest.mark.parametrize("version", PINS["codex-e2e"])
def test_codex_is_refused_seven_times(door, namespace, version):
    """Codex is refused seven times before it falls back to HTTP."""
    before = codex_cli.count_requests(namespace.logs())
    binary = codex_cli.install(version)
    run = codex_cli.run(
        binary, codex_config.config(f"{door.url}/v1", "gpt-5.4"), MASTER_KEY, "say hi"
    )
    assert run.completed, run
    after = codex_cli.count_requests(namespace.logs())
    seen = {name: after[name] - before[name] for name in after}
    assert seen == {"accepted": 0, "refused": 7, "posts": 1}
