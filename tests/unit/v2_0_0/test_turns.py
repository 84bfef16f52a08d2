"""A turn on a real uvicorn: one terminal event, whatever the application does."""

import asyncio
import sys

import pytest
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.background import BackgroundTask

from fakes.proxy_app import completed, sse
from support.client import hear, say
from support.openai_types import check_event

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}


async def ends_early(body):
    yield sse({"type": "response.created", "response": {"id": "r"}})


async def is_refused(body):
    return JSONResponse({"error": {"message": "m"}}, 429)


async def is_nonsense(body):
    return JSONResponse({"weird": 1})


async def crashes(body):
    raise ZeroDivisionError


async def crashes_midway(body):
    yield sse({"type": "response.created", "response": {"id": "r"}})
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (ends_early, 502),
        (is_refused, 429),
        (is_nonsense, 502),
        (crashes, 500),
        (crashes_midway, 502),
    ],
)
async def test_a_turn_never_ends_in_silence(proxy, answer, status):
    """An early end, a refusal, nonsense or a crash gives one error event; the next turn works."""
    async with proxy() as (app, dial), dial() as ws:
        works, app.answer = app.answer, answer
        await say(ws, CREATE)
        event = await hear(ws)
        if event["type"] == "response.created":
            event = await hear(ws)
        assert (event["type"], event["status"]) == ("error", status)
        app.answer = works
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"


async def is_cancelled(body):
    raise asyncio.CancelledError


async def ends_in_an_error_stream(body):
    async def stream():
        yield sse({"error": {"message": "blocked", "type": "guardrail", "code": "400"}})
        yield "data: [DONE]\n\n"

    return StreamingResponse(stream(), 500, media_type="text/event-stream")


async def test_an_application_that_cancels_itself_is_no_silence(proxy):
    """An application that cancels itself gives an error event, and its room is returned."""
    async with proxy() as (app, dial), dial() as ws:
        works, app.answer = app.answer, is_cancelled
        for _ in range(18):
            await say(ws, CREATE)
            assert (await hear(ws))["status"] == 500
        app.answer = works
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"


async def test_an_error_told_as_a_stream_keeps_its_shape(proxy):
    """An error that arrives as a stream keeps its status, type and message."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = ends_in_an_error_stream
        await say(ws, CREATE)
        event = await hear(ws)
        assert event["status"] == 400
        assert event["error"]["message"] == "blocked"
        assert event["error"]["type"] == "guardrail"


async def test_half_a_surrogate_pair_reaches_the_client(proxy):
    """A lone surrogate of a provider or client reaches the client, and the connection works on."""
    async with proxy() as (app, dial), dial() as ws:

        async def cut(body):
            yield 'data: {"error":{"message":"\\ud83d","code":"400"}}\n\n'

        works, app.answer = app.answer, cut
        await say(ws, CREATE)
        assert (await hear(ws))["error"]["message"] == "\ud83d"
        await say(ws, {**CREATE, "previous_response_id": "resp_warmup_\ud800"})
        assert (await hear(ws))["error"]["code"] == "previous_response_not_found"
        app.answer = works
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"


async def test_data_that_is_no_event_is_dropped(proxy):
    """Data without a `type` is dropped."""
    async with proxy() as (app, dial), dial() as ws:

        async def odd(body):
            for data in ("{}", "[1]", "7", "nope", '{"type":7}'):
                yield f"data: {data}\n\n"
            yield sse(completed())

        app.answer = odd
        await say(ws, {**CREATE, "stream_id": "l"})
        assert (await hear(ws))["type"] == "response.completed"


async def test_a_whole_answer_survives_a_failing_afterthought(proxy):
    """A whole answer is sent even if a background task fails afterwards."""

    async def fails():
        raise ZeroDivisionError

    async def whole(body):
        return JSONResponse({"id": "r", "output": []}, background=BackgroundTask(fails))

    async with proxy() as (app, dial), dial() as ws:
        app.answer = whole
        await say(ws, CREATE)
        kinds = [(await hear(ws))["type"] for _ in range(2)]
        assert kinds == ["response.created", "response.completed"]


async def test_a_stream_has_one_terminal_event(proxy):
    """Events after the terminal one are dropped."""
    async with proxy() as (app, dial), dial() as ws:

        async def chatty(body):
            yield sse(completed()) + sse(completed()) + sse({"type": "error", "message": "late"})
            yield "data: [DONE]\n\n"

        app.answer = chatty
        for _ in range(2):
            await say(ws, CREATE)
            assert (await hear(ws))["type"] == "response.completed"
        with pytest.raises(asyncio.TimeoutError):
            await hear(ws, 0.3)


CHAT = {"type": "response.created", "response": {"id": "r", "store": True}}
NATIVE = {"x-litellm-model-api-base": "http://vllm/v1"}


def begins(headers, created, closed):
    """Return an application that begins a response with these headers and goes on until closed."""

    async def answer(body):
        async def stream():
            try:
                yield sse(created)
                await asyncio.sleep(0.2)
                yield sse(completed())
            finally:
                closed.append(True)

        return StreamingResponse(stream(), headers=headers, media_type="text/event-stream")

    return answer


ECHOED = {**CHAT, "response": {"id": "r", "previous_response_id": "resp_1"}}


@pytest.mark.parametrize(
    ("headers", "created", "kept", "previous", "lost"),
    [
        ({}, CHAT, False, "resp_1", True),
        ({}, CHAT, False, None, False),
        ({}, CHAT, True, "resp_1", False),
        (NATIVE, CHAT, False, "resp_1", False),
        ({}, ECHOED, False, "resp_1", False),
    ],
    ids=["lost", "first", "kept", "native", "echoed"],
)
async def test_an_answer_without_its_past_is_not_passed_on(
    proxy, headers, created, kept, previous, lost
):
    """An answer that LiteLLM makes without the conversation is refused as lost.

    This happens with a chat completion, if LiteLLM stores nothing and the id is not ours. The
    request ends at once.
    """
    async with proxy() as (app, dial), dial() as ws:
        litellm = vars(sys.modules["litellm.proxy.proxy_server"])
        litellm["prisma_client"] = object()
        litellm["general_settings"] = {"store_prompts_in_spend_logs": kept}
        closed = []
        app.answer = begins(headers, created, closed)
        await say(ws, {**CREATE, "previous_response_id": previous})
        event = await hear(ws)
        if lost:
            check_event(event)
            assert event["error"]["code"] == "previous_response_not_found"
            assert event["status"] == 400
        else:
            assert event["type"] == "response.created"
            assert (await hear(ws))["type"] == "response.completed"
        app.answer = begins(NATIVE, created, closed)
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.created"
        assert closed


async def test_event_text_passes_unchanged(proxy):
    """An event's text passes unchanged, with its number formats and key order."""
    text = (
        '{"type":"response.completed", "z":1.0, "a":1e2,"s":"\\u00e9\u00e9","response":{"id":"r"}}'
    )
    async with proxy() as (app, dial), dial() as ws:

        async def exact(body):
            yield f"data: {text}\n\n"

        app.answer = exact
        await say(ws, CREATE)
        assert await ws.recv() == text
        await say(ws, {**CREATE, "stream_id": "l"})
        assert await ws.recv() == '{"stream_id":"l",' + text[1:]
