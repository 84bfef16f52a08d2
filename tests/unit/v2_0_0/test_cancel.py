"""Events during a turn end no turn except the one that `response.cancel` names."""

import asyncio

import pytest

from fakes.proxy_app import completed, sse
from support.client import hear, say
from support.openai_types import check_event

CREATE = {"type": "response.create", "model": "gpt-4o", "store": False}
RUNNING = {"id": "resp_1", "object": "response", "model": "gpt-4o", "output": []}


@pytest.fixture
def begins():
    """Return an application whose turn ends when its `gate` opens."""
    gate = asyncio.Event()

    async def answer(body):
        if body["input"] == "quick":
            yield sse(completed("resp_2"))
            return
        yield sse({"type": "response.created", "sequence_number": 0, "response": RUNNING})
        await gate.wait()
        yield sse(completed("resp_1", sequence_number=1))

    answer.gate = gate
    return answer


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.steer", "previous_response_id": "resp_1", "input": "more"},
        {"type": "response.cancel", "response_id": "resp_of_another", "stream_id": "a"},
        {"type": "response.cancel", "stream_id": "b"},
        {"type": "session.update"},
    ],
)
async def test_an_event_that_starts_no_turn_ends_none(proxy, begins, event):
    """An event that starts no turn is answered at once; the turn and the next one complete."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = begins
        await say(ws, {**CREATE, "input": "slow", "stream_id": "a"})
        assert (await hear(ws))["type"] == "response.created"
        await say(ws, event)
        told = await hear(ws)
        assert told["type"] in ("response.steer.failed", "litellm_overlay.event_refused")
        begins.gate.set()
        assert (await hear(ws))["type"] == "response.completed"
        await say(ws, {**CREATE, "input": "quick", "stream_id": "a"})
        assert (await hear(ws))["type"] == "response.completed"
        assert len(app.bodies) == 2


@pytest.mark.parametrize("named", [{}, {"response_id": "resp_1"}])
@pytest.mark.parametrize("lane", [{}, {"stream_id": "a"}])
async def test_a_cancelled_response_ends_and_so_does_its_request(proxy, begins, named, lane):
    """A cancelled response gets one terminal event; its request ends, the next turn runs."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = begins
        await say(ws, {**CREATE, **lane, "input": "slow"})
        assert (await hear(ws))["type"] == "response.created"
        await say(ws, {"type": "response.cancel", **named, **lane})
        event = await hear(ws)
        check_event(event)
        assert event["type"] == "response.incomplete"
        assert event["response"]["status"] == "cancelled"
        assert (event["response"]["id"], event["sequence_number"]) == ("resp_1", 1)
        assert event.get("stream_id") == lane.get("stream_id")
        await asyncio.wait_for(app.cancelled.wait(), 1)  # at once, not after the grace period
        await say(ws, {**CREATE, **lane, "input": "quick"})
        assert (await hear(ws))["type"] == "response.completed"


async def test_a_response_of_another_lane_is_not_cancelled(proxy, begins):
    """A cancel cannot name another lane's response: its id counts as unknown."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = begins
        await say(ws, {**CREATE, "input": "slow", "stream_id": "a"})
        assert (await hear(ws))["type"] == "response.created"
        answers = []
        for response_id in ("resp_1", "resp_unknown"):
            cancel = {"type": "response.cancel", "response_id": response_id, "stream_id": "b"}
            await say(ws, cancel)
            answers.append(await hear(ws))
        assert answers[0] == answers[1]
        begins.gate.set()
        assert (await hear(ws))["type"] == "response.completed"


async def test_a_turn_is_cancelled_before_it_has_begun_to_answer(proxy):
    """A turn cancelled before its first event gets a complete terminal event."""
    async with proxy() as (app, dial), dial() as ws:

        async def silent(body):
            await asyncio.sleep(60)
            yield sse(completed())

        app.answer = silent
        await say(ws, {**CREATE, "input": "hi"})
        while not app.requests:  # noqa: ASYNC110 - the application is another's
            await asyncio.sleep(0.01)
        await say(ws, {"type": "response.cancel"})
        event = await hear(ws)
        check_event(event)
        assert event["response"]["status"] == "cancelled"


async def test_a_cancelled_response_is_not_remembered(proxy, begins):
    """A cancelled response is not remembered, since the client may have only a part of it."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = begins
        await say(ws, {**CREATE, "input": "slow"})
        await hear(ws)
        await say(ws, {"type": "response.cancel"})
        assert (await hear(ws))["type"] == "response.incomplete"
        await say(ws, {**CREATE, "input": "quick", "previous_response_id": "resp_1"})
        await hear(ws)
        assert app.bodies[1]["input"] == "quick"
        assert app.bodies[1]["previous_response_id"] == "resp_1"
