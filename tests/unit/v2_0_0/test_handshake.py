"""Which clients connect, and how others are refused: on a real uvicorn with a scripted check."""

import asyncio
import json
import logging
import sys

import pytest
from fastapi import HTTPException
from starlette.middleware.cors import CORSMiddleware
from websockets.exceptions import InvalidStatus

from endpoint_patch.versions.v2_0_0.inserted import bridge, handshake
from fakes.proxy_app import KeyRefused, completed
from support.client import close_code, hear, say

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}
KNOWN = {"Authorization": "Bearer sk-known"}
BLOCKED = KeyRefused(401, "auth_error", "Authentication Error, Key is blocked. Update via it.")
OURS = "https://ours.example"


async def refused(dial, *arguments, **options):
    """Return the error in the body of a handshake's 403."""
    with pytest.raises(InvalidStatus) as caught:
        await dial(*arguments, **options)
    assert caught.value.response.status_code == 403
    return json.loads(caught.value.response.body)["error"]


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/responses", "/responses", "/openai/v1/responses"),
        *("/v1/responses/", "/responses/"),
    ],
)
async def test_every_door_of_post_is_one(proxy, path):
    """Each path of POST is served, and the turn goes to the path without a trailing slash."""
    async with proxy() as (app, dial), dial(path) as ws:
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        assert app.requests[0].url.path == path.rstrip("/")


async def test_the_slash_of_a_pass_through_is_no_door(proxy):
    """/openai/v1/responses/ is refused: LiteLLM's POST there is a pass-through to OpenAI."""
    async with proxy() as (_app, dial):
        with pytest.raises(InvalidStatus):
            await dial("/openai/v1/responses/")


async def test_the_check_gets_the_request_that_a_turn_will_be(proxy):
    """The key check gets the same kind of request at handshake and turn, without cookies."""
    headers = {"Authorization": "Bearer sk-1234", "Cookie": "token=sk-1234", "X-Own": "1"}
    async with proxy() as (app, dial):
        async with dial(headers=headers) as ws:
            await say(ws, CREATE)
            await hear(ws)
        at_handshake, at_turn = app.checks
        for request in (at_handshake, at_turn):
            assert (request.method, request.url.path) == ("POST", "/v1/responses")
            assert request.client.host == "127.0.0.1"
            assert request.app is app.app
        asked, posted = dict(at_handshake.headers), dict(at_turn.headers)
        assert asked.pop("content-length") != posted.pop("content-length")
        assert asked == posted
        assert asked["x-own"] == "1"
        assert "cookie" not in asked


async def test_a_key_that_litellm_knows_is_told_once(proxy):
    """A refused key that LiteLLM knows gets the reason as an event, then 1008."""
    async with proxy() as (app, dial):
        app.refusals["sk-known"] = BLOCKED
        async with dial(headers=KNOWN) as ws:
            await say(ws, CREATE)
            event = await hear(ws)
            assert (event["type"], event["status"]) == ("error", 400)
            assert event["error"]["message"] == BLOCKED.message
            assert await close_code(ws) == 1008
        assert (len(app.checks), app.bodies) == (1, [])


async def test_the_reason_fits_into_the_close_frame(proxy):
    """The close frame has the reason, cut to its size between two characters."""
    async with proxy() as (app, dial):
        app.refusals["sk-known"] = HTTPException(403, "x" + "\u4e16" * 100)
        async with dial(headers=KNOWN) as ws:
            await hear(ws)
            assert await close_code(ws) == 1008
        assert ws.close_reason == "x" + "\u4e16" * 40


async def test_a_refused_key_makes_no_session(proxy, monkeypatch):
    """A refused key creates no Bridge."""
    monkeypatch.setattr(bridge.Bridge, "__init__", None)
    async with proxy() as (app, dial):
        app.refusals["sk-known"] = HTTPException(403, "not this route")
        async with dial(headers=KNOWN) as ws:
            assert (await hear(ws))["error"]["message"] == "not this route"
            assert await close_code(ws) == 1008


async def test_a_key_that_is_good_again_gets_a_connection(proxy):
    """A refusal is not remembered: the key connects once it is good again."""
    async with proxy() as (app, dial):
        app.refusals["sk-known"] = BLOCKED
        async with dial(headers=KNOWN) as ws:
            await hear(ws)
        app.refusals.clear()
        app.good_keys["sk-known"] = None
        async with dial(headers=KNOWN) as ws:
            await say(ws, CREATE)
            assert (await hear(ws))["response"] == completed()["response"]


async def test_so_many_are_told_at_once_and_the_others_get_403(proxy, monkeypatch):
    """Beyond MAX_TOLD open refusals a known key gets 403, with the reason in the body."""
    monkeypatch.setattr(handshake, "MAX_TOLD", 2)
    async with proxy() as (app, dial):
        app.refusals["sk-known"] = BLOCKED
        async with dial(headers=KNOWN) as first, dial(headers=KNOWN) as second:
            assert (await refused(dial, headers=KNOWN))["message"] == BLOCKED.message
            for ws in (first, second):
                await hear(ws)
                assert await close_code(ws) == 1008
        async with dial(headers=KNOWN) as ws:
            assert (await hear(ws))["error"]["message"] == BLOCKED.message


async def test_a_told_client_that_leaves_makes_room(proxy, monkeypatch, caplog):
    """A refused client that leaves makes room for the next, without an error in the log."""
    monkeypatch.setattr(handshake, "MAX_TOLD", 1)
    async with proxy() as (app, dial):
        app.refusals["sk-known"] = BLOCKED
        ws = await dial(headers=KNOWN)
        ws.transport.abort()
        await asyncio.sleep(handshake.TOLD_SECONDS + 0.3)
        async with dial(headers=KNOWN) as ws:
            assert (await hear(ws))["error"]["message"] == BLOCKED.message
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_whoever_shows_no_known_key_gets_no_connection(proxy, caplog):
    """A client without a known key gets 403 with the reason in its body; the log has no key."""
    async with proxy() as (app, dial):
        for headers in ({}, {"Authorization": "Bearer sk-wrong"}, {"Authorization": "sk-1234"}):
            assert (await refused(dial, headers=headers))["type"] == "auth_error"
        app.check_fails = True
        assert (await refused(dial))["type"] == "server_error"
    messages = [record.getMessage() for record in caplog.records if record.name == "proxy_app"]
    assert messages == ["responses websocket: refused: key"] * 3 + [
        "responses websocket: refused: fault"
    ]


@pytest.mark.parametrize(
    ("origins", "keyless", "connects"),
    [
        (["*"], False, True),
        ([OURS], False, True),
        (["https://other.example"], False, False),
        (None, False, False),
        (["*"], True, False),
        ([OURS], True, True),
    ],
)
async def test_a_web_page_needs_the_proxy_s_cors_settings(
    proxy, monkeypatch, origins, keyless, connects
):
    """A web page needs the proxy's CORS settings, and on a keyless proxy its name in them."""
    async with proxy() as (app, dial):
        if origins is not None:
            app.app.add_middleware(CORSMiddleware, allow_origins=origins)
        if keyless:
            monkeypatch.setattr(sys.modules["litellm.proxy.proxy_server"], "master_key", None)
        if connects:
            async with dial(origin=OURS) as ws:
                await say(ws, CREATE)
                assert (await hear(ws))["type"] == "response.completed"
        else:
            assert (await refused(dial, origin=OURS))["code"] == "origin_not_allowed"


@pytest.mark.parametrize("origin", [None, OURS])
async def test_a_keyless_proxy_lets_in_whoever_is_no_web_page(proxy, monkeypatch, origin):
    """A keyless proxy serves clients without an Origin, as over HTTP, and refuses web pages."""
    async with proxy() as (app, dial):
        monkeypatch.setattr(sys.modules["litellm.proxy.proxy_server"], "master_key", None)
        app.app.add_middleware(CORSMiddleware, allow_origins=["*"])
        app.good_keys[""] = None
        if origin is None:
            async with dial(headers={}) as ws:
                await say(ws, CREATE)
                assert (await hear(ws))["type"] == "response.completed"
        else:
            assert (await refused(dial, headers={}, origin=origin))["code"] == "origin_not_allowed"


async def test_an_origin_and_no_key_is_nobody(proxy):
    """An Origin without a key is refused, even if an operator's own check would accept it."""
    async with proxy() as (app, dial):
        app.app.add_middleware(CORSMiddleware, allow_origins=["*"])
        app.good_keys[""] = None
        assert (await refused(dial, headers={}, origin=OURS))["code"] == "origin_not_allowed"
        async with dial(headers={}):
            pass
