"""The real Codex CLI against real LiteLLM, as released and with each patch line."""

from __future__ import annotations

from collections import Counter

import pytest

from litellm_overlay.local import codex_cli
from litellm_overlay.local.processes import MASTER_KEY
from litellm_overlay.responses import codex_config
from pins import PINS
from support.codex_app_server import session

pytestmark = pytest.mark.timeout(900)  # the first use of a version installs it

PROMPTS = ("say hi", "say hi again", "TRIGGERTOOL")
ANSWER = "Hello from the mock model."
ONE_HANDSHAKE = {"accepted": 1, "refused": 0, "posts": 0}
# The relay does not change what LiteLLM does after the handshake. By model: LiteLLM's message,
# and the table's reference to its caption.
NOT_RELAYED = {
    "my-alias": ("The requested model 'my-alias' does not exist.", "no (a)"),
    "managed-5.4": ("LLM Provider NOT provided", "no (b)"),
}


class Seen:
    """The requests to the proxy and the provider since the beginning of a test."""

    def __init__(self, live):
        self.live = live
        self.access_log = live.proxy.log.stat().st_size
        self.records = len(live.provider_log())

    @property
    def requests(self):
        """Return the counts of accepted handshakes, refused handshakes and POSTs at the proxy."""
        log = self.live.proxy.log.read_bytes()[self.access_log :]
        return codex_cli.count_requests(log.decode(errors="replace"))

    @property
    def endings(self):
        """Return the counts of the provider's turns by ending."""
        records = self.live.provider_log()[self.records :]
        return Counter(each["ending"] for each in records if each["kind"] == "turn_end")


def converse(binary, live, model):
    """Return the turns of one Codex process, up to the first failure."""
    turns = []
    with session(binary, f"{live.proxy.url}/v1", model, MASTER_KEY) as server:
        for prompt in PROMPTS:
            turns.append(server.turn(prompt))
            if turns[-1].status != "completed":
                break
    return turns


def in_short(turns, seen):
    """Return the table's text for a patched cell."""
    states = [turn.status for turn in turns]
    if states == ["completed"] * 3 and seen.requests == ONE_HANDSHAKE:
        return "ok " + " ".join(f"{turn.seconds:.2f}" for turn in turns)
    return f"FAILED {states} {seen.requests}"


def assert_served(turns):
    """Require all three turns without an error shown by Codex."""
    assert [turn.status for turn in turns] == ["completed"] * 3, turns
    assert [turn.errors for turn in turns] == [[], [], []]
    assert [turn.text for turn in turns] == [ANSWER] * 3
    assert turns[2].outputs == ["tool-ran\n"]


def test_stock_refuses_codex(fleet, litellm, codex_version, binary, note):
    """Stock refuses every handshake with 403, and the turn completes by POST."""
    live = fleet.get(litellm)
    seen = Seen(live)
    run = codex_cli.run(
        binary, codex_config.config(f"{live.proxy.url}/v1", "gpt-5.4"), MASTER_KEY, "say hi"
    )
    requests = seen.requests
    note("stock", f"{requests['refused']}x 403, HTTP, {run.wall_seconds:.1f}")
    assert run.completed, run
    assert run.messages == [ANSWER]
    assert requests["accepted"] == 0
    assert requests["refused"] > 1
    assert requests["posts"] == 1


def test_stock_delays_a_process_once(fleet, codex_version, binary):
    """A Codex process keeps to HTTP after its fallback: a second turn makes no handshake."""
    live = fleet.get(PINS["litellm-codex"][-1])
    seen = Seen(live)
    with session(binary, f"{live.proxy.url}/v1", "gpt-5.4", MASTER_KEY) as server:
        assert server.turn("say hi").status == "completed"
        refused = seen.requests["refused"]
        assert refused > 1
        assert server.turn("say hi again").status == "completed"
    assert seen.requests == {"accepted": 0, "refused": refused, "posts": 2}


def test_the_bridge_serves_codex(fleet, litellm, codex_version, binary, model, note):
    """On 2.0.0 one handshake carries all turns and a tool call, without 403 or POST."""
    live = fleet.get(litellm, "2.0.0")
    seen = Seen(live)
    turns = converse(binary, live, model)
    note("patch 2.0.0", in_short(turns, seen), model)
    assert_served(turns)
    assert seen.requests == ONE_HANDSHAKE
    # Three turns and the one with the tool's output; the warm-up is no call.
    assert seen.endings == {"completed": 4}


def test_the_relay_serves_codex_where_litellm_can(
    fleet, litellm, codex_version, binary, model, note
):
    """On 1.0.0 one handshake carries all turns, or a model known to fail is refused at once."""
    live = fleet.get(litellm, "1.0.0")
    seen = Seen(live)
    turns = converse(binary, live, model)
    if model in NOT_RELAYED:
        words, reason = NOT_RELAYED[model]
        note("patch 1.0.0", reason, model)
        assert [turn.status for turn in turns] == ["failed"]
        assert words in turns[0].errors[0]
        assert (seen.requests["refused"], seen.requests["posts"]) == (0, 0)
    else:
        note("patch 1.0.0", in_short(turns, seen), model)
        assert_served(turns)
        assert seen.requests == ONE_HANDSHAKE
