"""An operator's settings, on the newest release under test, with each patch line."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.exceptions import InvalidStatus

from pins import PINS
from support.client import close_code, connect, receive_turn, said, turn
from support.fleet import running

NEWEST = PINS["litellm-live"][-1]
CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi", "store": False}
PATCHES = pytest.mark.parametrize("patch", ["1.0.0", "2.0.0"])


@PATCHES
async def test_limits(tmp_path, patch):
    """A first message that is late or too large gets an error, then close code 1008 or 1009."""
    settings = {"firstMessageTimeoutSeconds": 1, "maxMessageBytes": 2048}
    with running(NEWEST, patch, tmp_path, settings=settings) as live:
        async with connect(live.ws_url) as socket:
            event = (await receive_turn(socket))[-1]
            assert (event["status"], event["error"]["code"]) == (400, "first_message_timeout")
            assert await close_code(socket) == 1008
        async with connect(live.ws_url) as socket:
            await socket.send("x" * 2049)
            event = (await receive_turn(socket))[-1]
            assert (event["status"], event["error"]["code"]) == (400, "message_too_large")
            assert await close_code(socket) == 1009
        async with connect(live.ws_url) as socket:
            assert said(await turn(socket, model="gpt-4o", input="hi"))
            await asyncio.sleep(1.5)  # only the first message has a deadline
            assert said(await turn(socket, model="gpt-4o", input="hi"))
        assert "Traceback" not in live.proxy.log.read_text()


async def test_a_drain(tmp_path):
    """With the drain file the running turn ends, the next is not sent on, and the close is 1012."""
    flag = tmp_path / "drain"
    with running(NEWEST, "2.0.0", tmp_path, settings={"drainFile": str(flag)}) as live:
        async with connect(live.ws_url) as socket, connect(live.ws_url) as idle:
            await socket.send(json.dumps({**CREATE, "input": "TRIGGERPACED:15"}))
            await socket.recv()
            flag.touch()
            await socket.send(json.dumps(CREATE))
            assert said(await receive_turn(socket))
            assert await close_code(socket) == 1012
            assert await close_code(idle) == 1012
        asked = [record for record in live.provider_log() if record["kind"] == "request"]
        assert len(asked) == 1


@PATCHES
async def test_http_fallback(tmp_path, patch):
    """In mode http-fallback the handshake gets 426, with and without a key."""
    with running(NEWEST, patch, tmp_path, settings={"mode": "http-fallback"}) as live:
        for key in ("sk-1234", None):
            with pytest.raises(InvalidStatus) as caught:
                await connect(live.ws_url, key)
            assert caught.value.response.status_code == 426
