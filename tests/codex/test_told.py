"""The newest Codex and the bridge's errors: it stops, shows a limit's end, or resends all."""

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
    """Run one turn; return the run and the number of provider calls."""
    since = len(live.provider_log())
    url = f"{live.proxy.url}/v1"
    config = codex_config.config(url, "gpt-5.4", websockets=websockets) + QUICK
    seen = codex_cli.run(codex_cli.install(VERSION), config, MASTER_KEY, prompt)
    return seen, sum(record["kind"] == "request" for record in live.provider_log()[since:])


def test_what_a_guardrail_blocks_in_mid_stream_ends_the_turn(fleet):
    """A guardrail's block in mid-stream ends the turn with its message after one call.

    Over HTTP the stream breaks off, and Codex retries.
    """
    live = fleet.get(LITELLM, "2.0.0")
    ours, calls = run(live, "TRIGGERBLOCKED", websockets=True)
    _, http_calls = run(live, "TRIGGERBLOCKED", websockets=False)
    assert not ours.completed
    assert "blocked in mid-stream" in " ".join(ours.errors)
    assert calls == 1 < http_calls


def test_a_plan_s_limit_says_when_it_ends(fleet):
    """A plan's limit ends the turn after one call, and Codex shows when the limit ends.

    Over HTTP LiteLLM hides the end in a sentence.
    """
    live = fleet.get(LITELLM, "2.0.0")
    ours, calls = run(live, "TRIGGERLIMIT", websockets=True)
    theirs, http_calls = run(live, "TRIGGERLIMIT", websockets=False)
    assert (ours.completed, theirs.completed) == (False, False)
    assert calls == http_calls == 1
    assert "try again at" in " ".join(ours.errors)


async def test_a_forgotten_conversation_is_sent_anew(tmp_path):
    """Codex resends a conversation that the bridge has dropped from memory, and shows no error."""
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
