"""The bridge's shell on a real uvicorn: lanes, limits, ends. The application behind is scripted."""

import asyncio
import json
import logging

import pytest
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.background import BackgroundTask
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from endpoint_patch.versions.v2_0_0.inserted.attach import attach_litellm_overlay
from fakes.proxy_app import ProxyApp, completed, serving, sse

KEY = {"Authorization": "Bearer sk-1234"}
CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}


@pytest.fixture
def proxy(monkeypatch):
    """Return `start(**settings)`: an async context of (ProxyApp, connect function)."""

    class Start:
        def __init__(self, **settings):
            self.app = ProxyApp(attach_litellm_overlay, **settings)

        async def __aenter__(self):
            self._serving = serving(self.app.app, monkeypatch)
            base = await self._serving.__aenter__()
            return self.app, lambda path="/v1/responses", headers=KEY, **options: connect(
                base + path, additional_headers=headers, proxy=None, **options
            )

        async def __aexit__(self, *exc):
            await self._serving.__aexit__(*exc)
            # Every connection is over: nothing of the bridge may still run.
            left = [t for t in asyncio.all_tasks() if "Bridge" in repr(t.get_coro())]
            assert left == []

    return Start


async def say(ws, event):
    await ws.send(event if isinstance(event, str | bytes) else json.dumps(event))


async def hear(ws, timeout=5):
    return json.loads(await asyncio.wait_for(ws.recv(), timeout))


async def closed(ws, timeout=5):
    with pytest.raises(ConnectionClosed) as caught:
        await asyncio.wait_for(ws.recv(), timeout)
    return caught.value.rcvd.code if caught.value.rcvd else 1006


@pytest.mark.parametrize("path", ["/v1/responses", "/responses"])
async def test_a_handshake_needs_a_good_key_and_no_model(proxy, path):
    """101 without ?model=; a missing or bad key is refused before accept."""
    async with proxy() as (_app, dial):
        async with dial(path):
            pass
        for headers in ({}, {"Authorization": "Bearer sk-wrong"}, {"Authorization": "sk-1234"}):
            with pytest.raises(InvalidStatus) as caught:
                await dial(path, headers)
            assert caught.value.response.status_code == 403


async def test_a_model_in_the_url_cannot_break_out(proxy):
    """LiteLLM formats ?model= into JSON text: what could end a string never gets there."""
    async with proxy() as (_app, dial):
        with pytest.raises(InvalidStatus) as caught:
            await dial("/v1/responses?model=a%22%2C%22user%22%3A%22b")
        assert caught.value.response.status_code == 403


async def test_a_bad_frame_leaves_the_connection_usable(proxy):
    """One error event a frame, then the next turn is answered."""
    async with proxy() as (app, dial), dial() as ws:
        for bad in ("{nope", "[1]", "", b"\xff", {"type": "x"}, {**CREATE, "model": 7}):
            await say(ws, bad)
            assert (await hear(ws))["status"] == 400
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        assert len(app.bodies) == 1


async def test_a_message_over_the_limit_is_told_and_closed_1009(proxy):
    """The client learns why; text and bytes alike, counted in bytes."""
    async with proxy(maxMessageBytes=1024) as (_app, dial):
        for big in ("x" * 1025, "\u4e16" * 400, b"x" * 1025):
            async with dial() as ws:
                await say(ws, big)
                assert (await hear(ws))["error"]["code"] == "message_too_large"
                assert await closed(ws) == 1009


async def test_a_silent_client_is_told_and_closed_1008(proxy):
    """A first-message deadline is off unless set; one message is enough to pass it."""
    async with proxy(firstMessageTimeoutSeconds=0.3) as (_app, dial):
        async with dial() as ws:
            event = await hear(ws)
            assert (event["status"], event["error"]["code"]) == (400, "first_message_timeout")
            assert await closed(ws) == 1008
        async with dial() as ws:
            await say(ws, CREATE)
            await hear(ws)
            await asyncio.sleep(1.2)
            await say(ws, CREATE)
            assert (await hear(ws))["type"] == "response.completed"


async def test_a_connection_has_a_lifetime(proxy):
    """The running turn ends, then Codex is told the limit that it recovers from."""
    async with proxy(sessionLifetimeSeconds=0.5) as (app, dial), dial() as ws:

        async def slow(body):
            yield sse({"type": "response.created", "response": {"id": "r"}})
            await asyncio.sleep(1.5)
            yield sse(completed())

        app.answer = slow
        await say(ws, CREATE)
        assert [(await hear(ws))["type"] for _ in range(2)] == [
            "response.created",
            "response.completed",
        ]
        event = await hear(ws)
        assert event["status"] == 400
        assert event["error"]["code"] == "websocket_connection_limit_reached"
        assert await closed(ws) == 1001


async def test_a_drain_ends_running_turns_and_starts_none(proxy, tmp_path):
    """After the flag: the turn completes, the next is not sent on, the close is 1012."""
    flag = tmp_path / "drain"
    async with proxy(drainFile=str(flag)) as (app, dial), dial() as ws:

        async def slow(body):
            yield sse({"type": "response.created", "response": {"id": "r"}})
            await asyncio.sleep(1)
            yield sse(completed())

        app.answer = slow
        await say(ws, CREATE)
        await hear(ws)
        flag.touch()
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        assert await closed(ws) == 1012
        assert len(app.bodies) == 1
        async with dial() as late:
            assert await closed(late) == 1012


async def test_a_leaving_client_cancels_the_request(proxy):
    """The provider's stream is cancelled before its next event."""
    async with proxy() as (app, dial):

        async def endless(body):
            yield sse({"type": "response.created", "response": {"id": "r"}})
            await asyncio.sleep(60)
            yield sse(completed())

        app.answer = endless
        ws = await dial()
        await say(ws, CREATE)
        await hear(ws)
        await ws.close()
        await asyncio.wait_for(app.cancelled.wait(), 1)  # at once, not when grace is over
        assert app.events_sent == 1


async def test_a_slow_application_hears_of_a_leaving_client(proxy):
    """Before its answer begins it is told as of an HTTP client, and may end in its own way."""
    async with proxy() as (app, dial):
        heard = asyncio.Event()

        async def waits(body):
            while not await app.requests[-1].is_disconnected():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            heard.set()

        app.answer = waits
        ws = await dial()
        await say(ws, CREATE)
        while not app.bodies:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        ws.transport.abort()
        await asyncio.wait_for(heard.wait(), 1.5)


async def test_a_client_that_leaves_at_once_is_no_error(proxy, caplog):
    """Leaving before, or in the middle of, the first turn logs nothing above debug."""
    caplog.set_level(logging.INFO)
    async with proxy() as (_app, dial):
        ws = await dial()
        ws.transport.abort()
        ws = await dial()
        await say(ws, CREATE)
        ws.transport.abort()
        await asyncio.sleep(0.5)
    noise = [r for r in caplog.records if r.levelno > logging.INFO]
    assert noise == []


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
    """Early end, refusal, nonsense or crash: one error event at once, and the next turn works."""
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
    """Nor does it cost the connection a place in its queue."""
    async with proxy() as (app, dial), dial() as ws:
        works, app.answer = app.answer, is_cancelled
        for _ in range(18):
            await say(ws, CREATE)
            assert (await hear(ws))["status"] == 500
        app.answer = works
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"


async def test_an_error_told_as_a_stream_keeps_its_shape(proxy):
    """LiteLLM answers so when the first chunk fails: status and stream."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = ends_in_an_error_stream
        await say(ws, CREATE)
        event = await hear(ws)
        assert event["status"] == 400
        assert event["error"]["message"] == "blocked"
        assert event["error"]["type"] == "guardrail"


async def test_half_a_surrogate_pair_reaches_the_client(proxy):
    """A provider's emoji cut in two, or a client's, must not deafen the connection."""
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
    """Only what has a type is passed on."""
    async with proxy() as (app, dial), dial() as ws:

        async def odd(body):
            for data in ("{}", "[1]", "7", "nope", '{"type":7}'):
                yield f"data: {data}\n\n"
            yield sse(completed())

        app.answer = odd
        await say(ws, {**CREATE, "stream_id": "l"})
        assert (await hear(ws))["type"] == "response.completed"


async def test_a_whole_answer_survives_a_failing_afterthought(proxy):
    """What was answered, and perhaps billed, is told, whatever fails after it."""

    async def fails():
        raise ZeroDivisionError

    async def whole(body):
        return JSONResponse({"id": "r", "output": []}, background=BackgroundTask(fails))

    async with proxy() as (app, dial), dial() as ws:
        app.answer = whole
        await say(ws, CREATE)
        kinds = [(await hear(ws))["type"] for _ in range(2)]
        assert kinds == ["response.created", "response.completed"]


async def test_a_drain_flag_that_was_seen_counts(proxy, tmp_path):
    """A frame dropped for it must not leave the client waiting, even if the flag goes again."""
    flag = tmp_path / "drain"
    async with proxy(drainFile=str(flag)) as (_app, dial), dial() as ws:
        flag.touch()
        await say(ws, CREATE)
        await asyncio.sleep(0.1)
        flag.unlink()
        assert await closed(ws) == 1012


async def test_a_stream_has_one_terminal_event(proxy):
    """What comes after the end is dropped."""
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


async def test_event_text_passes_unchanged(proxy):
    """Where nothing must change not a byte does, number formats and key order included."""
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


async def test_lanes_run_side_by_side_and_each_in_order(proxy):
    """A slow lane does not hold up another; within a lane the order stays."""
    async with proxy() as (app, dial), dial() as ws:
        gate = asyncio.Event()

        async def answer(body):
            if body["input"] == "slow":
                await gate.wait()
            yield sse(completed(body["input"]))

        app.answer = answer
        for lane, text in (("a", "slow"), ("a", "second"), ("b", "fast")):
            await say(ws, {**CREATE, "stream_id": lane, "input": text})
        first = await hear(ws)
        assert (first["stream_id"], first["response"]["id"]) == ("b", "fast")
        gate.set()
        order = [(await hear(ws))["response"]["id"] for _ in range(2)]
        assert order == ["slow", "second"]


async def test_frames_without_a_lane_are_answered_in_order(proxy):
    """An error does not overtake the turn before it."""
    async with proxy() as (app, dial), dial() as ws:

        async def slow(body):
            await asyncio.sleep(0.2)
            yield sse(completed())

        app.answer = slow
        await say(ws, CREATE)
        await say(ws, "{nope")
        assert [(await hear(ws))["type"] for _ in range(2)] == ["response.completed", "error"]


async def test_work_in_flight_is_bounded(proxy):
    """The 17th turn in flight and the 33rd lane are refused, and the connection lives on."""
    async with proxy() as (app, dial), dial() as ws:
        gate = asyncio.Event()

        async def wait(body):
            await gate.wait()
            yield sse(completed())

        app.answer = wait
        for _ in range(17):
            await say(ws, CREATE)
        assert (await hear(ws))["error"]["code"] == "websocket_stream_limit_reached"
        gate.set()
        for _ in range(16):
            assert (await hear(ws))["type"] == "response.completed"
        for lane in range(32):
            await say(ws, {**CREATE, "stream_id": str(lane)})
            assert (await hear(ws))["type"] == "response.completed"
        await say(ws, {**CREATE, "stream_id": "one-more"})
        assert (await hear(ws))["error"]["code"] == "websocket_stream_limit_reached"
        await say(ws, {**CREATE, "stream_id": "0"})
        assert (await hear(ws))["type"] == "response.completed"


async def test_waiting_messages_are_bounded_in_bytes(proxy):
    """Few large messages are refused as many small ones are; what ends makes room."""
    async with proxy() as (app, dial), dial() as ws:
        gate = asyncio.Event()

        async def wait(body):
            await gate.wait()
            yield sse(completed())

        app.answer = wait
        for _ in range(4):
            await say(ws, {**CREATE, "input": "x" * (12 << 20)})
        for _ in range(2):
            assert (await hear(ws))["error"]["code"] == "websocket_stream_limit_reached"
        gate.set()
        for _ in range(2):
            assert (await hear(ws))["type"] == "response.completed"
        await say(ws, {**CREATE, "input": "x" * (12 << 20)})
        assert (await hear(ws))["type"] == "response.completed"


async def test_a_slow_client_slows_the_upstream_read(proxy):
    """Memory does not grow: while the client does not read, few events are taken."""
    async with proxy() as (app, dial), dial(max_queue=1, compression=None) as ws:

        async def flood(body):
            for _ in range(4000):
                yield sse({"type": "response.output_text.delta", "delta": "x" * 32_768})
            yield sse(completed())

        app.answer = flood
        await say(ws, CREATE)
        await asyncio.sleep(2)
        taken = app.events_sent
        await asyncio.sleep(1)
        assert app.events_sent == taken < 1000
        ws.transport.abort()


async def test_a_full_queue_still_sees_the_client_leave(proxy):
    """With all lanes waiting, a disconnect ends everything."""
    async with proxy() as (app, dial):

        async def forever(body):
            await asyncio.sleep(60)
            yield sse(completed())

        app.answer = forever
        ws = await dial()
        for _ in range(40):
            await say(ws, CREATE)
        await asyncio.sleep(0.3)
        ws.transport.abort()
        await asyncio.wait_for(app.cancelled.wait(), 5)
        await asyncio.sleep(0.3)
        assert len(app.bodies) == 1


async def test_a_key_revoked_later_is_told_and_closed_1008(proxy):
    """The turn is refused with 400 and the connection, which has no identity left, ends."""
    async with proxy() as (app, dial), dial() as ws:
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        del app.good_keys["sk-1234"]
        await say(ws, CREATE)
        event = await hear(ws)
        assert (event["status"], event["error"]["type"]) == (400, "auth_error")
        assert await closed(ws) == 1008


async def test_a_forbidden_model_is_refused_and_the_connection_lives_on(proxy):
    """The permitted model is still answered after the refusal."""
    async with proxy() as (app, dial), dial(headers={"Authorization": "Bearer sk-limited"}) as ws:
        await say(ws, {**CREATE, "model": "gpt-5.4"})
        event = await hear(ws)
        assert (event["status"], event["error"]["type"]) == (400, "key_model_access_denied")
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        assert [body["model"] for body in app.bodies] == ["gpt-4o"]


async def test_each_turn_is_an_ordinary_request(proxy):
    """Client address, path and one state of its own; nothing of the socket's."""
    async with proxy() as (app, dial):
        async with dial() as ws:
            for _ in range(2):
                await say(ws, CREATE)
                await hear(ws)
        first, second = app.requests
        assert first.method == "POST"
        assert first.url.path == "/v1/responses"
        assert first.client.host == "127.0.0.1"
        assert first.headers["content-type"] == "application/json"
        assert "upgrade" not in first.headers
        first.state.mine = 1
        assert not hasattr(second.state, "mine")


async def test_http_fallback_answers_426_before_auth(proxy):
    """With or without a key: Codex is sent to HTTP at once."""
    async with proxy(mode="http-fallback") as (_app, dial):
        for headers in (KEY, {}):
            with pytest.raises(InvalidStatus) as caught:
                await dial(headers=headers)
            assert caught.value.response.status_code == 426
            assert caught.value.response.headers["upgrade"] == "websocket"


async def test_the_file_of_another_release_refuses_to_load(monkeypatch):
    """A moving tag gave init container and proxy different images."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.88.5")
    with pytest.raises(RuntimeError, match=r"made from LiteLLM 1\.88\.6 but runs in 1\.88\.5"):
        attach_litellm_overlay(
            router=None,
            stock_handler=None,
            authenticate=None,
            logger=None,
            settings={},
            litellm_version="1.88.6",
        )
