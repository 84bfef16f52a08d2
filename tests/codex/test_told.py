"""What the newest Codex makes of what the bridge tells: it stops, says when, or sends all again."""

from __future__ import annotations

import pytest

from litellm_overlay.local import codex_cli
from litellm_overlay.local.processes import MASTER_KEY
from litellm_overlay.responses import codex_config
from pins import PINS
from support.client import connect, turn
from support.codex_app_server import session
from support.fleet import running

pytestmark = pytest.mark.timeout(900)

LITELLM = PINS["litellm-codex"][-1]
VERSION = PINS["codex"][-1]
QUICK = "stream_max_retries = 1\nrequest_max_retries = 1\n"


def run(live, prompt, *, websockets):
    """Run one turn; return it, and how often the provider was asked."""
    since = len(live.provider_log())
    url = f"{live.proxy.url}/v1"
    config = codex_config.config(url, "gpt-5.4", websockets=websockets) + QUICK
    seen = codex_cli.run(codex_cli.install(VERSION), config, MASTER_KEY, prompt)
    return seen, sum(record["kind"] == "request" for record in live.provider_log()[since:])


def test_what_a_guardrail_blocks_in_mid_stream_ends_the_turn(fleet):
    """With its words, after one call; over HTTP the stream just breaks off, and Codex tries again."""
    live = fleet.get(LITELLM, "2.0.0")
    ours, calls = run(live, "TRIGGERBLOCKED", websockets=True)
    _, http_calls = run(live, "TRIGGERBLOCKED", websockets=False)
    assert not ours.completed
    assert "blocked in mid-stream" in " ".join(ours.errors)
    assert calls == 1 < http_calls


def test_a_plan_s_limit_says_when_it_ends(fleet):
    """One call over either way; over HTTP LiteLLM's wrapping hides from Codex when it ends."""
    live = fleet.get(LITELLM, "2.0.0")
    ours, calls = run(live, "TRIGGERLIMIT", websockets=True)
    theirs, http_calls = run(live, "TRIGGERLIMIT", websockets=False)
    assert (ours.completed, theirs.completed) == (False, False)
    assert calls == http_calls == 1
    assert "try again at" in " ".join(ours.errors)


async def test_a_forgotten_conversation_is_sent_anew(tmp_path):
    """Another connection of the key pushed it out of memory; the user sees nothing of it."""
    settings = {"historyBytes": 1 << 20}
    with running(LITELLM, "2.0.0", tmp_path, settings=settings) as live:
        since = len(live.provider_log())
        binary, url = codex_cli.install(VERSION), f"{live.proxy.url}/v1"
        with session(binary, url, "gpt-5.4", MASTER_KEY) as codex:
            assert codex.turn("one").status == "completed"
            async with connect(live.ws_url, MASTER_KEY) as socket:
                for _ in range(3):
                    await turn(socket, model="gpt-5.4", generate=False, input="x" * 500_000)
            second = codex.turn("two")
        assert (second.status, second.errors) == ("completed", [])
        asked = [r["body"] for r in live.provider_log()[since:] if r["kind"] == "request"]
        assert len(asked) == 2
        assert '"one"' in str(asked[-1]["input"]).replace("'", '"')
        requests = codex_cli.count_requests(live.proxy.log.read_text())
        assert requests["posts"] == 0
