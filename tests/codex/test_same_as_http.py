"""A Codex session over WebSocket and one over HTTP reach the provider alike and cost the same."""

from __future__ import annotations

import time

import pytest

from litellm_overlay.local import codex_cli
from pins import PINS
from support.codex_bodies import PROMPTS, converse, differences, is_permitted, without_dropped

pytestmark = pytest.mark.timeout(900)

LITELLM = PINS["litellm-codex"][-1]


def test_the_provider_gets_the_same_bodies(fleet, codex_version, binary, model):
    """The provider gets the same bodies, except for PERMITTED, and the spend records are equal."""
    live = fleet.get(LITELLM, "2.0.0")
    ours, theirs = live.new_key(), live.new_key()
    turns, websocket = converse(live, binary, ours, websockets=True, model=model)
    assert [turn.status for turn in turns] == ["completed"] * len(PROMPTS)
    turns, http = converse(live, binary, theirs, websockets=False, model=model)
    assert [turn.status for turn in turns] == ["completed"] * len(PROMPTS)

    assert len(websocket) == len(http) == 9  # six turns and three tool outputs
    kinds = {item["type"] for item in websocket[-1]["input"]}
    assert kinds >= {"message", "reasoning", "function_call", "function_call_output"}
    assert kinds >= {"custom_tool_call", "custom_tool_call_output"}
    for number, bodies in enumerate(zip(websocket, http, strict=True)):
        paths = differences(*(without_dropped(body, codex_version) for body in bodies))
        results = [path for path in paths if not is_permitted(path, codex_version)]
        assert results == [], (number, results)

    assert spend_of(live, ours) == spend_of(live, theirs)


def spend_of(live, key):
    """Return a key's nine spend records, without the key's name."""
    for _ in range(100):
        records = [r for r in live.spend_log() if r["key_alias"] == key]
        if len(records) >= 9:
            break
        time.sleep(0.1)
    assert len(records) == 9
    return [{name: value for name, value in r.items() if name != "key_alias"} for r in records]


def test_a_rate_limit_refuses_at_the_same_turn(fleet, codex_version, binary):
    """With two requests a minute Codex's third turn is not served, by either way.

    It fails, or Codex still retries when the test's timeout ends (0.169 over HTTP).
    """
    live = fleet.get(LITELLM, "2.0.0")
    states = []
    for websockets in (True, False):
        key = live.new_key(rpm_limit=2)
        prompts = ("say hi", "say hi", "say hi")
        turns, bodies = converse(live, binary, key, websockets=websockets, prompts=prompts)
        states.append(([turn.status == "completed" for turn in turns], len(bodies)))
    assert states == [([True, True, False], 2)] * 2


def test_reasoning_in_plain_text_goes_back_as_over_http(fleet):
    """A reasoning item goes back with its id, as over HTTP; a strict provider requires the id."""
    live = fleet.get(LITELLM, "2.0.0")
    binary = codex_cli.install(PINS["codex"][-1])
    prompts = ("TRIGGERREASON TRIGGERVLLM TRIGGERTOOL", "TRIGGERVLLM")
    kinds = []
    for websockets in (True, False):
        turns, bodies = converse(
            live,
            binary,
            live.new_key(),
            websockets=websockets,
            model="managed-5.4",
            prompts=prompts,
        )
        assert [turn.status for turn in turns] == ["completed"] * 2
        assert len(bodies) == 3  # two turns and the tool's output
        reasoning = [item for item in bodies[-1]["input"] if item["type"] == "reasoning"]
        assert [item["id"][:3] for item in reasoning] == ["rs_"]
        kinds.append([[item["type"] for item in body["input"]] for body in bodies])
    assert kinds[0] == kinds[1]
