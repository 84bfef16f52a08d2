"""The real Codex with a key that LiteLLM refuses with a reason and later accepts."""

from __future__ import annotations

import pytest

from litellm_overlay.local import codex_cli
from pins import PINS
from support import codex_app_server

pytestmark = pytest.mark.timeout(900)  # the first use of Codex installs it


def test_a_refusal_is_told_and_not_remembered(fleet, binary):
    """LiteLLM's reason is the turn's error, without a POST; the process then uses WebSocket again.

    The three handshakes are the warm-up's, whose failure Codex hides, that turn's, and the next
    turn's.
    """
    live = fleet.get(PINS["litellm-codex"][-1], "2.0.0")
    key = live.new_key(blocked=True)
    since = live.proxy.log.stat().st_size
    base_url = f"{live.proxy.url}/v1"
    with codex_app_server.session(binary, base_url, "gpt-4o", key) as session:
        refused = session.turn("hi")
        live.keys[key] = {}
        live.publish()
        served = [session.turn("hi").status for _ in range(2)]
    assert (refused.status, served) == ("failed", ["completed"] * 2)
    assert "Key is blocked." in refused.errors[-1]
    log = live.proxy.log.read_bytes()[since:].decode(errors="replace")
    assert codex_cli.count_requests(log) == {"accepted": 3, "refused": 0, "posts": 0}
