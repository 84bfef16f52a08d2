"""Limits of a worker process on the real proxy: rejected bodies, history and message sizes."""

from __future__ import annotations

import asyncio
import json

import pytest

from pins import PINS
from support.client import close_code, connect, hear, said, turn
from support.fleet import running

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}
PACED = json.dumps({**CREATE, "input": "TRIGGERPACED:30", "stream_id": "a"})
LARGE = "x" * (5 << 20)


async def events_of(socket, lane):
    """Return the events of a lane's next turn; skip those of other lanes."""
    events = []
    while not events or events[-1]["type"] not in ("response.completed", "error"):
        event = await hear(socket, 30)
        if event.get("stream_id") == lane:
            events.append(event)
    return events


@pytest.mark.parametrize(
    "refused",
    [{"api_base": "http://127.0.0.1:9/v1"}, {"user_config": {"model_list": []}}],
    ids=lambda fields: next(iter(fields)),
)
async def test_a_refused_body_costs_no_connection(bridge, refused):
    """A body that LiteLLM rejects with 401 fails its own turn; connection and lane A go on."""
    async with connect(bridge.ws_url, "sk-all-00000001") as socket:
        await socket.send(PACED)
        assert (await hear(socket))["stream_id"] == "a"
        await socket.send(json.dumps({**CREATE, **refused, "stream_id": "b"}))
        assert (await events_of(socket, "b"))[-1]["type"] == "error"
        assert said(await events_of(socket, "a"))
        assert said(await turn(socket, model="gpt-4o", input="hi"))


async def test_a_key_that_is_gone_costs_it_after_the_other_lanes(bridge):
    """A revoked key fails the next turn; lane A completes before the close with 1008."""
    key = bridge.new_key()
    async with connect(bridge.ws_url, key) as socket:
        await socket.send(PACED)
        assert (await hear(socket))["stream_id"] == "a"
        bridge.revoke(key)
        await socket.send(json.dumps({**CREATE, "stream_id": "b"}))
        events = [await hear(socket, 30)]
        while events[-1]["type"] != "response.completed":
            events.append(await hear(socket, 30))
        assert [event["type"] for event in events if event["stream_id"] == "b"] == ["error"]
        assert await close_code(socket) == 1008


async def test_large_histories_and_large_bodies_reach_the_provider_whole(bridge):
    """Six small frames that continue a 5 MiB history all complete."""
    since = len(bridge.provider_log())
    async with connect(bridge.ws_url) as socket:
        item = {"type": "message", "role": "user", "content": LARGE}
        warm_up = await turn(socket, model="gpt-4o", generate=False, store=False, input=[item])
        previous = warm_up[-1]["response"]["id"]
        for lane in range(6):
            frame = {**CREATE, "store": False, "previous_response_id": previous}
            await socket.send(json.dumps({**frame, "stream_id": str(lane)}))
        ended = {}
        while len(ended) < 6:
            event = await hear(socket, 60)
            if event["type"] in ("response.completed", "error"):
                ended[event["stream_id"]] = event["type"]
        assert set(ended.values()) == {"response.completed"}
    asked = [record for record in bridge.provider_log()[since:] if record["kind"] == "request"]
    assert len(asked) == 6


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Run the newest release with a history of 4 MiB per worker."""
    settings = {"historyBytes": 4 << 20}
    folder = tmp_path_factory.mktemp("small")
    with running(PINS["litellm-live"][-1], "2.0.0", folder, settings=settings) as live:
        yield live


async def test_two_keys_in_one_process(small):
    """A key that fills a worker's history loses its own conversations, not another key's."""
    quiet, flood = small.new_key(), small.new_key()
    async with connect(small.ws_url, quiet) as mine, connect(small.ws_url, flood) as theirs:
        first = await turn(mine, model="gpt-4o", input="hi", store=False)
        own = await turn(theirs, model="gpt-4o", generate=False, input="z" * 100_000, store=False)
        for _ in range(12):
            await turn(theirs, model="gpt-4o", generate=False, input="x" * 1_000_000)
        again = await turn(
            mine,
            model="gpt-4o",
            input="more",
            store=False,
            previous_response_id=first[-1]["response"]["id"],
        )
        assert said(again)
        lost = await turn(
            theirs,
            model="gpt-4o",
            input="more",
            previous_response_id=own[-1]["response"]["id"],
        )
        assert lost[-1]["error"]["code"] == "previous_response_not_found"


async def test_refused_messages_are_bounded_and_turns_end_first(small):
    """Over 32 MiB of refused messages a minute, running turns end, then come 429 and 1008."""
    unknown = json.dumps({"type": "session.update", "x": "x" * 12_000_000, "stream_id": "b"})
    async with connect(small.ws_url) as socket:
        await socket.send(json.dumps({**CREATE, "input": "TRIGGERPACED:60", "stream_id": "a"}))
        assert (await hear(socket))["stream_id"] == "a"
        for _ in range(3):
            await socket.send(unknown)
        events = [await hear(socket, 30)]
        while not (events[-1]["type"] == "error" and events[-1]["status"] == 429):
            events.append(await hear(socket, 30))
        assert events[-2]["type"] == "response.completed"
        assert events[-1]["error"]["code"] == "rate_limit_exceeded"
        assert await close_code(socket) == 1008
    async with connect(small.ws_url) as socket:
        await socket.send(json.dumps({"type": "session.update"}))
        refused = await hear(socket)
        assert refused["type"] == "litellm_overlay.event_refused"
        assert refused["code"] == "unknown_event"
        assert said(await asyncio.wait_for(turn(socket, model="gpt-4o", input="hi"), 30))
