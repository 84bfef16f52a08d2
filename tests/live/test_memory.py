"""`previous_response_id` on the real LiteLLM: how much of a conversation reaches the provider."""

from __future__ import annotations

import pytest

from support.client import connect, said, turn
from support.memory import STORES, read

TABLE = read()
BY_ID, WHOLE, NOT_FOUND = "by id", "whole", "not found"


def in_words(live, since, last):
    """Return the docs' words for the last of three turns: "by id", "whole" or "not found"."""
    if last["type"] == "error":
        assert (last["status"], last["error"]["code"]) == (400, "previous_response_not_found")
        return NOT_FOUND
    assert last["type"] == "response.completed", last
    body = [r["body"] for r in live.provider_log()[since:] if r["kind"] == "request"][-1]
    items = body.get("input") or body.get("messages")
    by_id = body.get("previous_response_id") is not None
    return {(True, 1): BY_ID, (False, 5): WHOLE}[by_id, len(items)]


async def converse(live, model, fields, *, reconnect):
    """Make three turns, if asked with a reconnect before the third; return the third's words."""
    since = len(live.provider_log())
    ids: list[str] = []
    socket = await connect(live.ws_url)
    try:
        for text in ("one", "two", "three"):
            if reconnect and text == "three":
                await socket.close()
                socket = await connect(live.ws_url)
            previous = {"previous_response_id": ids[-1]} if ids else {}
            item = {"type": "message", "role": "user", "content": text}
            events = await turn(socket, model=model, input=[item], **previous, **fields)
            if text != "three":
                assert said(events)
                ids.append(events[-1]["response"]["id"])
    finally:
        await socket.close()
    return in_words(live, since, events[-1])


def test_the_table_is_whole():
    """The table has each kind of provider with each `store`."""
    assert len({row[:2] for row in TABLE}) == len(TABLE) == 9


@pytest.mark.parametrize(("model", "store", "expected", "_"), TABLE)
async def test_a_conversation_on_one_connection_is_whole(bridge, model, store, expected, _):
    """On one connection the provider gets either the stored id or the whole conversation."""
    assert await converse(bridge, model, STORES[store], reconnect=False) == expected


async def test_reasoning_goes_back_with_its_id(bridge):
    """A reasoning item goes back with its id, which a provider that checks types requires."""
    since = len(bridge.provider_log())
    body = {"model": "managed-5.4", "store": False}
    async with connect(bridge.ws_url) as socket:
        first = await turn(socket, **body, input="TRIGGERREASON TRIGGERVLLM")
        previous = first[-1]["response"]["id"]
        assert said(await turn(socket, **body, input="TRIGGERVLLM", previous_response_id=previous))
    bodies = [r["body"] for r in bridge.provider_log()[since:] if r["kind"] == "request"]
    item = next(item for item in bodies[-1]["input"] if item["type"] == "reasoning")
    assert item["id"] == first[-1]["response"]["output"][0]["id"]


@pytest.mark.parametrize(("model", "store", "_", "expected"), TABLE)
async def test_a_conversation_after_a_reconnect(bridge, model, store, _, expected):
    """After a reconnect a lost conversation is an error, where LiteLLM would drop the history."""
    assert await converse(bridge, model, STORES[store], reconnect=True) == expected
