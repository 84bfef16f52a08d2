"""`sequence_number`: events that the bridge adds continue the application's numbers."""

import pytest
from fastapi import HTTPException

from fakes.proxy_app import completed, sse
from support.client import hear, receive_turn, say
from support.openai_types import check_event

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}
CREATED = {"type": "response.created", "response": {"id": "r"}}


async def numbered(body):
    for number in (0, 1, 5):
        yield sse({**CREATED, "sequence_number": number})


async def not_numbered(body):
    yield sse(CREATED)


async def tells_an_error(body):
    yield sse({**CREATED, "sequence_number": 3})
    yield sse({"type": "error", "code": "server_error", "message": "m", "sequence_number": 1})


async def says_something(body):
    yield sse({**CREATED, "sequence_number": 3})
    for number in (4, 5):
        yield sse({"type": "response.output_text.delta", "delta": "x", "sequence_number": number})


async def says_no_json(body):
    yield sse({**CREATED, "sequence_number": 3})
    yield b'data: {"type":"response.output_text.delta",\n\n'


async def nothing(body):
    return
    yield


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        (numbered, 6),
        (not_numbered, 0),
        (tells_an_error, 4),
        (says_something, 6),
        (nothing, 0),
    ],
)
async def test_an_error_is_numbered_after_what_came_before_it(proxy, answer, number):
    """An error event's number follows the events before it; each turn has its own numbers."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = answer
        for _ in range(2):  # each turn counts from 0
            await say(ws, CREATE)
            event = (await receive_turn(ws))[-1]
            check_event(event)
            assert (event["type"], event["sequence_number"]) == ("error", number)


async def test_a_piece_of_text_passes_unread(proxy):
    """Text deltas pass without being parsed, even malformed ones; later numbers stay right."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = says_no_json
        await say(ws, CREATE)
        await hear(ws)
        assert await ws.recv() == '{"type":"response.output_text.delta",'
        event = await hear(ws)
        assert (event["type"], event["sequence_number"]) == ("error", 4)


@pytest.mark.parametrize("frame", ["{nope", {**CREATE, "model": 7}])
async def test_a_refused_frame_s_error_is_numbered_too(proxy, frame):
    """The error event of a refused frame has a number, which the Vercel AI SDK requires."""
    async with proxy() as (_app, dial), dial() as ws:
        await say(ws, frame)
        check_event(await hear(ws))


@pytest.mark.parametrize(
    "kind",
    [
        "response.completed",
        "response.failed",
        "response.incomplete",
        "response.cancelled",
        "error",
    ],
)
async def test_no_terminal_event_follows_a_terminal_event(proxy, kind):
    """After a terminal event the bridge adds no other, however the stream ends."""
    async with proxy() as (app, dial), dial() as ws:
        works = app.answer

        async def ends(body):
            yield sse({"type": kind, "response": {"id": "r"}, "message": "m"})

        app.answer = ends
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == kind
        app.answer = works
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"


async def test_what_the_application_raises_in_mid_stream_is_told(proxy):
    """An exception in mid-stream, as a guardrail raises, becomes the turn's error event."""
    async with proxy() as (app, dial), dial() as ws:

        async def is_blocked(body):
            yield sse({**CREATED, "sequence_number": 0})
            raise HTTPException(400, {"error": "Violated the policy", "rule": "r1"})

        app.answer = is_blocked
        await say(ws, CREATE)
        event = (await receive_turn(ws))[-1]
        check_event(event)
        assert (event["status"], event["error"]["message"]) == (400, "Violated the policy")
        assert event["error"]["provider_specific_fields"]["rule"] == "r1"


async def test_after_the_terminal_event_an_exception_is_told_to_nobody(proxy):
    """An exception after the terminal event sends no further event."""
    async with proxy() as (app, dial), dial() as ws:

        async def too_late(body):
            yield sse(completed())
            raise HTTPException(400, "late")

        app.answer = too_late
        for _ in range(2):
            await say(ws, CREATE)
            assert (await hear(ws))["type"] == "response.completed"
