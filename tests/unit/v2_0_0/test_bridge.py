"""The bridge on a real uvicorn: handshake, frames, lanes. The application is scripted."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from endpoint_patch.versions.v2_0_0.inserted.attach import attach_litellm_overlay
from fakes.proxy_app import KEY, completed, sse
from support.client import hear, say

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}


@pytest.mark.parametrize("path", ["/v1/responses", "/responses"])
async def test_a_handshake_needs_a_good_key_and_no_model(proxy, path):
    """A good key connects without ?model=; a missing or bad key gets 403 before accept."""
    async with proxy() as (_app, dial):
        async with dial(path):
            pass
        for headers in ({}, {"Authorization": "Bearer sk-wrong"}, {"Authorization": "sk-1234"}):
            with pytest.raises(InvalidStatus) as caught:
                await dial(path, headers)
            assert caught.value.response.status_code == 403


async def test_a_model_in_the_url_cannot_break_out(proxy):
    """A ?model= that could end a JSON string is refused: LiteLLM puts it into JSON text."""
    async with proxy() as (_app, dial):
        with pytest.raises(InvalidStatus) as caught:
            await dial("/v1/responses?model=a%22%2C%22user%22%3A%22b")
        assert caught.value.response.status_code == 403


async def test_a_bad_frame_leaves_the_connection_usable(proxy):
    """Each bad frame gets one error event, and the next turn is answered."""
    async with proxy() as (app, dial), dial() as ws:
        for bad in ("{nope", "[1]", "", b"\xff", {"type": 7}, {**CREATE, "model": 7}):
            await say(ws, bad)
            assert (await hear(ws))["status"] == 400
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        assert len(app.bodies) == 1


async def test_lanes_run_side_by_side_and_each_in_order(proxy):
    """A slow lane does not delay another; within a lane the order stays."""
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
    """Without lanes an error does not overtake the turn before it."""
    async with proxy() as (app, dial), dial() as ws:

        async def slow(body):
            await asyncio.sleep(0.2)
            yield sse(completed())

        app.answer = slow
        await say(ws, CREATE)
        await say(ws, "{nope")
        assert [(await hear(ws))["type"] for _ in range(2)] == ["response.completed", "error"]


async def test_a_forbidden_model_is_refused_and_the_connection_lives_on(proxy):
    """A forbidden model is refused, and a permitted one is then answered."""
    async with proxy() as (app, dial), dial(headers={"Authorization": "Bearer sk-limited"}) as ws:
        await say(ws, {**CREATE, "model": "gpt-5.4"})
        event = await hear(ws)
        assert (event["status"], event["error"]["type"]) == (400, "key_model_access_denied")
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        assert [body["model"] for body in app.bodies] == ["gpt-4o"]


async def test_each_turn_is_an_ordinary_request(proxy):
    """Each turn is an ordinary POST with its own state, and without the socket's headers."""
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
    """In mode http-fallback the handshake gets 426, with or without a key."""
    async with proxy(mode="http-fallback") as (_app, dial):
        for headers in (KEY, {}):
            with pytest.raises(InvalidStatus) as caught:
                await dial(headers=headers)
            assert caught.value.response.status_code == 426
            assert caught.value.response.headers["upgrade"] == "websocket"


async def test_the_file_of_another_release_refuses_to_load(monkeypatch):
    """A file for another LiteLLM release refuses to load, as after a tag has moved."""
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
