"""A connection on a real uvicorn: its limits, its clocks and its ends."""

import asyncio
import logging

from fakes.proxy_app import completed, sse
from support.client import close_code, hear, say

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}


async def test_a_message_over_the_limit_is_told_and_closed_1009(proxy):
    """A message over the limit, in bytes, gets an error and close code 1009."""
    async with proxy(maxMessageBytes=1024) as (_app, dial):
        for big in ("x" * 1025, "\u4e16" * 400, b"x" * 1025):
            async with dial() as ws:
                await say(ws, big)
                assert (await hear(ws))["error"]["code"] == "message_too_large"
                assert await close_code(ws) == 1009


async def test_a_silent_client_is_told_and_closed_1008(proxy):
    """Without a first message in time a client gets an error and 1008; one message suffices."""
    async with proxy(firstMessageTimeoutSeconds=0.3) as (_app, dial):
        async with dial() as ws:
            event = await hear(ws)
            assert (event["status"], event["error"]["code"]) == (400, "first_message_timeout")
            assert await close_code(ws) == 1008
        async with dial() as ws:
            await say(ws, CREATE)
            await hear(ws)
            await asyncio.sleep(1.2)
            await say(ws, CREATE)
            assert (await hear(ws))["type"] == "response.completed"


async def test_a_connection_has_a_lifetime(proxy):
    """A lifetime ends after the running turn, with an error from which Codex recovers."""
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
        assert await close_code(ws) == 1001


async def test_a_drain_ends_running_turns_and_starts_none(proxy, tmp_path):
    """In a drain the running turn completes, the next is not sent on, and the close is 1012."""
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
        assert await close_code(ws) == 1012
        assert len(app.bodies) == 1
        async with dial() as late:
            assert await close_code(late) == 1012


async def test_a_leaving_client_cancels_the_request(proxy):
    """A client that leaves cancels the application's stream before its next event."""
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
        await asyncio.wait_for(app.cancelled.wait(), 1)  # at once, not after the grace period
        assert app.events_sent == 1


async def test_a_slow_application_hears_of_a_leaving_client(proxy):
    """Before its answer begins an application hears of the disconnect, and may end by itself."""
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
    """A client that leaves before or during its first turn logs no warning."""
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


async def test_work_in_flight_is_bounded(proxy):
    """The 17th turn in flight and the 33rd lane are refused; the connection stays."""
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
    """Waiting messages are limited in bytes; room returns as turns end."""
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
    """While the client does not read, the application's events are not read either."""
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
    """With full lanes a disconnect still ends everything."""
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
    """A key revoked between turns gets a 400 event and close code 1008."""
    async with proxy() as (app, dial), dial() as ws:
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        del app.good_keys["sk-1234"]
        await say(ws, CREATE)
        event = await hear(ws)
        assert (event["status"], event["error"]["type"]) == (400, "auth_error")
        assert await close_code(ws) == 1008
