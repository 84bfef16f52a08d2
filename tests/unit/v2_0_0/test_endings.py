"""The end of a connection: after its running turns, and never for a good key.

The tests run on a real uvicorn with a scripted application.
"""

import asyncio

import pytest
from fastapi.responses import JSONResponse

from endpoint_patch.versions.v2_0_0.inserted import bounds
from endpoint_patch.versions.v2_0_0.inserted.bridge import Bridge
from fakes.proxy_app import completed, sse
from support.client import close_code, hear, say

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}


async def refused_body(body):
    error = {"message": "api_base is not allowed", "type": "auth_error", "code": "401"}
    return JSONResponse({"error": error}, 401)


def two_lanes(app):
    """Make lane `a` wait for the returned gate, and refuse `api_base` as LiteLLM does."""
    gate = asyncio.Event()

    async def slow(body):
        await gate.wait()
        yield sse(completed("slow"))

    app.answer = lambda body: refused_body(body) if "api_base" in body else slow(body)
    return gate


REFUSED = {**CREATE, "api_base": "http://elsewhere", "stream_id": "b"}


async def test_a_good_key_is_not_lost(proxy):
    """A body that LiteLLM refuses with 401 does not count against the key; all lanes go on."""
    async with proxy() as (app, dial), dial() as ws:
        gate = two_lanes(app)
        await say(ws, {**CREATE, "stream_id": "a"})
        for _ in range(3):
            await say(ws, REFUSED)
            event = await hear(ws)
            assert (event["stream_id"], event["error"]["type"]) == ("b", "auth_error")
        gate.set()
        assert (await hear(ws))["response"]["id"] == "slow"
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"


async def test_a_lost_key_lets_the_other_lanes_end(proxy):
    """With a lost key running lanes end before the close, and no new turn begins."""
    async with proxy() as (app, dial), dial() as ws:
        gate = two_lanes(app)
        await say(ws, {**CREATE, "stream_id": "a"})
        while not app.bodies:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        del app.good_keys["sk-1234"]
        await say(ws, {**CREATE, "stream_id": "b"})
        assert (await hear(ws))["error"]["type"] == "auth_error"
        await say(ws, {**CREATE, "stream_id": "c"})
        await asyncio.sleep(0.2)
        gate.set()
        assert (await hear(ws))["response"]["id"] == "slow"
        assert await close_code(ws) == 1008
        assert len(app.bodies) == 1


async def test_a_check_that_cannot_be_run_keeps_the_connection(proxy):
    """If the key check cannot run, for example without the database, the connection stays."""
    async with proxy() as (app, dial), dial() as ws:
        two_lanes(app)
        app.check_fails = True
        await say(ws, REFUSED)
        assert (await hear(ws))["error"]["type"] == "auth_error"
        while len(app.checks) < 3:  # noqa: ASYNC110 - of the handshake, of the turn, and again
            await asyncio.sleep(0.01)
        app.check_fails = False
        await say(ws, REFUSED)
        assert (await hear(ws))["error"]["type"] == "auth_error"


async def test_a_message_too_large_lets_the_other_lanes_end(proxy):
    """A message over the limit closes the connection after the running turn."""
    async with proxy(maxMessageBytes=1024) as (app, dial), dial() as ws:
        gate = two_lanes(app)
        await say(ws, {**CREATE, "stream_id": "a"})
        await say(ws, "x" * 1025)
        assert (await hear(ws))["error"]["code"] == "message_too_large"
        gate.set()
        assert (await hear(ws))["response"]["id"] == "slow"
        assert await close_code(ws) == 1009


async def test_a_drain_flag_that_was_seen_counts(proxy, tmp_path):
    """A drain file that was seen counts, even if it is removed again."""
    flag = tmp_path / "drain"
    async with proxy(drainFile=str(flag)) as (app, dial), dial() as ws:
        gate = two_lanes(app)
        await say(ws, {**CREATE, "stream_id": "a"})
        flag.touch()
        await asyncio.sleep(0.8)
        flag.unlink()
        await say(ws, {**CREATE, "stream_id": "c"})
        await asyncio.sleep(0.1)
        gate.set()
        assert (await hear(ws))["stream_id"] == "a"
        assert await close_code(ws) == 1012
        assert len(app.bodies) == 1


async def test_what_runs_can_be_cancelled_while_the_connection_ends(proxy, tmp_path):
    """During a drain the client can still cancel its running turn."""
    flag = tmp_path / "drain"
    async with proxy(drainFile=str(flag)) as (app, dial), dial() as ws:
        two_lanes(app)
        await say(ws, {**CREATE, "stream_id": "a"})
        while not app.bodies:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        flag.touch()
        await asyncio.sleep(0.8)
        await say(ws, {"type": "response.cancel", "stream_id": "a"})
        assert (await hear(ws))["response"]["status"] == "cancelled"
        assert await close_code(ws) == 1012


async def test_an_idle_connection_runs_nothing(proxy, tmp_path, monkeypatch):
    """An idle connection does not wake its supervisor: a thousand would use a fifth of a core."""
    woken = []
    wait = Bridge._woken

    async def counted(self, seconds):
        await wait(self, seconds)
        woken.append(seconds)

    monkeypatch.setattr(Bridge, "_woken", counted)
    async with proxy(drainFile=str(tmp_path / "drain")) as (_app, dial), dial() as ws:
        await say(ws, CREATE)
        await hear(ws)
        await asyncio.sleep(0.1)
        woken.clear()
        await asyncio.sleep(1.5)
        assert woken == []


UNKNOWN = {"type": "session.update", "x": "x" * 100_000}


@pytest.fixture
def poor(monkeypatch):
    """Lower the allowance for frames that start no turn to 250,000 bytes a minute."""
    monkeypatch.setattr(bounds, "MAX_IDLE_BYTES", 250_000)


async def too_much(ws):
    """Require the error 429 and the close with 1008."""
    event = await hear(ws)
    assert (event["status"], event["error"]["code"]) == (429, "rate_limit_exceeded")
    assert await close_code(ws) == 1008


async def test_refused_bytes_are_bounded(proxy, poor):
    """The frame that exceeds the allowance ends the connection, after the running turn."""
    async with proxy() as (app, dial), dial() as ws:
        gate = two_lanes(app)
        await say(ws, {**CREATE, "stream_id": "a"})
        for expected in ("session.update", "other"):
            await say(ws, {**UNKNOWN, "type": expected})
            assert (await hear(ws))["code"] == "unknown_event"
        await say(ws, UNKNOWN)
        await say(ws, {**CREATE, "stream_id": "c"})
        await asyncio.sleep(0.2)
        gate.set()
        assert (await hear(ws))["stream_id"] == "a"
        await too_much(ws)
        assert len(app.bodies) == 1


async def test_a_new_connection_brings_no_new_allowance(proxy, poor):
    """A key's debt holds on a new connection, for large messages only and not for other keys."""
    async with proxy() as (app, dial):
        async with dial() as ws:
            for _ in range(2):
                await say(ws, UNKNOWN)
                await hear(ws)
            await say(ws, UNKNOWN)
            await too_much(ws)
        async with dial() as ws:
            await say(ws, CREATE)
            assert (await hear(ws))["type"] == "response.completed"
            await say(ws, {"type": "session.update"})
            assert (await hear(ws))["code"] == "unknown_event"
            await say(ws, {**CREATE, "input": "x" * 100_000})
            await too_much(ws)
        async with dial(headers={"Authorization": "Bearer sk-limited"}) as ws:
            await say(ws, {**CREATE, "input": "x" * 100_000})
            assert (await hear(ws))["type"] == "response.completed"
        assert len(app.bodies) == 2


async def test_small_events_are_honest(proxy, poor):
    """Many small events, which Codex and SDKs send, cause no debt."""
    async with proxy() as (_app, dial), dial() as ws:
        for _ in range(500):
            await say(ws, {"type": "response.processed", "response_id": "r"})
        for _ in range(500):
            await say(ws, {"type": "session.update"})
            assert (await hear(ws))["code"] == "unknown_event"
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"


async def test_the_bytes_of_turns_and_warm_ups_are_not_counted(proxy, poor):
    """Turns and warm-ups do not count, since they have limits of their own."""
    async with proxy() as (_app, dial), dial() as ws:
        for _ in range(5):
            await say(ws, {**CREATE, "input": "x" * 100_000})
            assert (await hear(ws))["type"] == "response.completed"
            await say(ws, {**CREATE, "generate": False, "input": "x" * 100_000})
            assert (await hear(ws))["type"] == "response.created"
            assert (await hear(ws))["type"] == "response.completed"


async def test_the_time_of_a_warm_up_is_counted(proxy, monkeypatch):
    """The CPU time of a warm-up counts, since it starts no turn."""
    monkeypatch.setattr(bounds, "MAX_IDLE_SECONDS", 1e-9)
    async with proxy() as (_app, dial), dial() as ws:
        await say(ws, {**CREATE, "generate": False, "input": "x" * 100_000})
        for _ in range(2):
            await hear(ws)
        await say(ws, {**CREATE, "generate": False, "input": "x" * 100_000})
        await too_much(ws)
