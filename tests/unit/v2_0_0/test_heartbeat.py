"""Heartbeats in a turn whose provider is silent."""

import asyncio

import pytest

from endpoint_patch.versions.v2_0_0.inserted.heartbeat import (
    NO_HEARTBEAT,
    Heartbeat,
    heartbeat_event,
)
from fakes.proxy_app import completed, sse
from support.client import hear, say
from support.openai_types import check_event, is_unknown

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}
BEAT = "litellm_overlay.heartbeat"
DELTA = {"type": "response.output_text.delta", "delta": "x", "sequence_number": 1}
CREATED = {"type": "response.created", "sequence_number": 0, "response": {"id": "r"}}


@pytest.mark.parametrize(
    ("silent", "untold", "rest", "is_over"),
    [
        (0, 0, 60, False),
        (50, 50, 10, False),
        (70, 10, 50, False),  # a heartbeat has been sent meanwhile
        (65, 65, 0, False),
        (880, 40, 20, False),
        (890, 0, 10, False),  # the end is due before the next heartbeat
        (900, 10, 0, True),
    ],
)
def test_when_something_is_due(silent, untold, rest, is_over):
    """A heartbeat is due after silence on the connection, the end after the provider's silence."""
    heartbeat = Heartbeat(60, 900)
    assert (heartbeat.seconds_left(silent, untold), heartbeat.is_over(silent)) == (rest, is_over)


def test_it_is_off():
    """When it is off, a turn may be silent without limit."""
    for heartbeat in (NO_HEARTBEAT, Heartbeat(0, 1)):
        assert (heartbeat.seconds_left(10_000, 10_000), heartbeat.is_over(10_000)) == (None, False)


def test_no_client_knows_the_event():
    """No client knows the event's type, and it has a sequence number."""
    assert is_unknown(BEAT)
    assert heartbeat_event(3) == {"type": BEAT, "sequence_number": 3}


@pytest.mark.parametrize("begun", [False, True])
async def test_a_silent_turn_goes_on(proxy, begun):
    """A silent turn gets heartbeats with rising numbers, and ends with the provider's event."""

    async def silent(body):
        if begun:
            yield sse(CREATED)
            yield sse(DELTA)
        await asyncio.sleep(0.5)
        yield sse(completed(sequence_number=2))

    async with proxy(heartbeatSeconds=0.1) as (app, dial), dial() as ws:
        app.answer = silent
        await say(ws, {**CREATE, "stream_id": "a"})
        events = [await hear(ws)]
        while events[-1]["type"] != "response.completed":
            events.append(await hear(ws))
        kinds = [event["type"] for event in events[2 * begun : -1]]
        assert set(kinds) == {BEAT}
        assert len(kinds) >= 2
        numbers = [event["sequence_number"] for event in events]
        assert numbers == sorted(numbers)
        assert {event["stream_id"] for event in events} == {"a"}


async def test_a_turn_that_is_not_silent_has_none(proxy):
    """Each event of the provider resets the time, so a lively turn has no heartbeat."""

    async def talks(body):
        yield sse(CREATED)
        for _ in range(20):
            await asyncio.sleep(0.05)
            yield sse(DELTA)
        yield sse(completed())

    async with proxy(heartbeatSeconds=0.6) as (app, dial), dial() as ws:
        app.answer = talks
        await say(ws, CREATE)
        events = [await hear(ws)]
        while events[-1]["type"] != "response.completed":
            events.append(await hear(ws))
        assert BEAT not in {event["type"] for event in events}


async def test_silence_has_an_end(proxy):
    """After the maximum of silence the turn ends with an error, its request ends, the next runs."""

    async def silent(body):
        if len(app.bodies) > 1:
            yield sse(completed())
            return
        yield sse(CREATED)
        await asyncio.sleep(60)

    settings = {"heartbeatSeconds": 0.1, "heartbeatMaxSeconds": 0.45}
    async with proxy(**settings) as (app, dial), dial() as ws:
        app.answer = silent
        await say(ws, CREATE)
        events = [await hear(ws)]
        while events[-1]["type"] != "error":
            events.append(await hear(ws))
        check_event(events[-1])
        assert (events[-1]["status"], events[-1]["error"]["code"]) == (504, "provider_silent")
        await asyncio.wait_for(app.cancelled.wait(), 1)  # at once, not after the grace period
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"


async def test_it_is_off_unless_set(proxy):
    """Heartbeats are off by default, as over HTTP."""

    async def silent(body):
        await asyncio.sleep(0.5)
        yield sse(completed())

    async with proxy(heartbeatMaxSeconds=0.1) as (app, dial), dial() as ws:
        app.answer = silent
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
