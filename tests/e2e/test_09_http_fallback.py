"""Story 9: WebSockets are switched off with `patch.mode: http-fallback`."""

from __future__ import annotations

import pytest

from e2e.kit.stories import MASTER_KEY
from litellm_overlay.local import codex_cli
from litellm_overlay.responses import codex_config
from pins import PINS


@pytest.fixture(scope="module")
def door(namespace):
    """Install the chart in that mode; yield a door to the proxy."""
    namespace.install(namespace.values("venv", patch={"mode": "http-fallback"}))
    with namespace.door() as door:
        yield door


@pytest.mark.parametrize("version", PINS["codex-e2e"])
def test_codex_is_on_http_at_once(door, namespace, version):
    """Codex makes one handshake, gets 426, and makes the turn over HTTP."""
    before = namespace.logs()
    binary = codex_cli.install(version)
    run = codex_cli.run(
        binary, codex_config.config(f"{door.url}/v1", "gpt-5.4"), MASTER_KEY, "say hi"
    )
    assert run.completed, run
    log = namespace.logs().removeprefix(before)
    assert codex_cli.count_requests(log) == {"accepted": 0, "refused": 1, "posts": 1}
    assert log.count('"WebSocket /v1/responses" 426') == 1


def test_helm_test(door, namespace):
    """`helm test` accepts the 426."""
    assert "handshake: 426" in namespace.helm("test", "litellm")
