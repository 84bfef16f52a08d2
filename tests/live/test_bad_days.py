"""Bad input and early ends on the real proxy: the exact event and close code, and a quiet log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from pins import PINS
from support.client import close_code, connect, receive_turn, said, turn
from support.fleet import running

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}

BAD_FRAMES = {
    "empty": ("", "invalid_json"),
    "not JSON": ("{nope", "invalid_json"),
    "bytes that are no text": (b"\xff\xfe", "invalid_json"),
    "nested too deep": ("[" * 100_000, "invalid_json"),
    "a number that is none": (
        '{"type":"response.create","model":"gpt-4o","x":NaN}',
        "invalid_json",
    ),
    "an array": ("[1,2]", "invalid_type"),
    "null": ("null", "invalid_type"),
    "no type": ("{}", "unknown_event"),
    "type not a string": ('{"type":7,"model":"gpt-4o"}', "unknown_event"),
    "no model": ('{"type":"response.create","input":"hi"}', "missing_required_parameter"),
    "empty model": ('{"type":"response.create","model":"","input":"hi"}', "invalid_value"),
    "model not a string": ('{"type":"response.create","model":7,"input":"hi"}', "invalid_value"),
    "model that breaks out": ('{"type":"response.create","model":"a\\"b"}', "invalid_value"),
    "two models": (
        '{"type":"response.create","model":"gpt-4o","response":{"model":"gpt-5.4"}}',
        "ambiguous_model",
    ),
    "duplicate key": ('{"type":"response.create","model":"a","model":"b"}', "duplicate_key"),
    "response not an object": ('{"type":"response.create","response":"x"}', "invalid_type"),
}


@pytest.fixture
def quiet(request):
    """Return a function to call before and after: the proxy's log has no traceback in between."""
    before = {}

    def check(live):
        if live.proxy.log not in before:
            before[live.proxy.log] = len(live.proxy.log.read_text())
            return
        new = live.proxy.log.read_text()[before[live.proxy.log] :]
        noise = re.findall(r"Traceback|Task was destroyed|never retrieved|never awaited", new)
        assert noise == [], new

    return check


def is_openai_shaped(event, status, code):
    """Require an error event of OpenAI's shape, with this status and code."""
    assert set(event) - {"sequence_number"} == {"type", "status", "error"}
    assert set(event["error"]) == {"type", "code", "message", "param"}
    assert (event["type"], event["status"], event["error"]["code"]) == ("error", status, code)


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_bad_first_frame(patched, name, quiet):
    """A bad first frame gets an error. 1.0.0 then closes with 1008; 2.0.0 serves the next frame."""
    quiet(patched)
    raw, code = BAD_FRAMES[name]
    async with connect(patched.ws_url) as socket:
        await socket.send(raw)
        is_openai_shaped((await receive_turn(socket))[-1], 400, code)
        if patched.patch == "1.0.0":
            assert await close_code(socket) == 1008
        else:
            assert said(await turn(socket, model="gpt-4o", input="hi"))
    quiet(patched)


async def test_bad_later_frames(patched, quiet):
    """A bad later frame gets an error and no provider call; the connection stays open."""
    quiet(patched)
    async with connect(patched.ws_url) as socket:
        assert said(await turn(socket, model="gpt-4o", input="hi"))
        since = len(patched.provider_log())
        for raw, code in BAD_FRAMES.values():
            if code == "missing_required_parameter" and patched.patch == "1.0.0":
                continue  # 1.0.0 takes the first frame's model as the default
            await socket.send(raw)
            is_openai_shaped((await receive_turn(socket))[-1], 400, code)
        assert len(patched.provider_log()) == since
        assert said(await turn(socket, model="gpt-4o", input="hi"))
    quiet(patched)


async def test_a_message_too_large(patched, quiet):
    """A message above our limit gets an error and code 1009; above uvicorn's, only the code."""
    quiet(patched)
    async with connect(patched.ws_url) as socket:
        await socket.send("x" * 16_100_000)
        is_openai_shaped((await receive_turn(socket))[-1], 400, "message_too_large")
        assert await close_code(socket) == 1009
    async with connect(patched.ws_url) as socket:
        with contextlib.suppress(ConnectionClosed):  # the close may come before all is sent
            await socket.send("x" * 17_000_000)
        assert await close_code(socket) == 1009
    quiet(patched)


async def test_a_binary_frame_is_a_frame(patched):
    """JSON in a binary frame is read like text."""
    async with connect(patched.ws_url) as socket:
        await socket.send(json.dumps(CREATE).encode())
        assert said(await receive_turn(socket))


async def test_two_mebibytes_in_and_out(patched):
    """Messages of 2 MiB pass in both directions."""
    async with connect(patched.ws_url) as socket:
        events = await turn(
            socket,
            model="gpt-4o",
            input=[
                {"type": "message", "role": "user", "content": "y" * (2 << 20)},
                {"type": "message", "role": "user", "content": "TRIGGERBIG"},
            ],
        )
        assert len(said(events)) == 2 << 20


@pytest.mark.parametrize("when", ["before", "warm-up", "mid-turn"])
async def test_a_client_that_leaves_is_no_error(patched, when, quiet):
    """A client that leaves, with or without a close frame, causes no traceback in the log."""
    quiet(patched)
    for abrupt in (True, False):
        socket = await connect(patched.ws_url)
        if when == "warm-up":
            await socket.send(json.dumps({**CREATE, "generate": False}))
        if when == "mid-turn":
            await socket.send(json.dumps({**CREATE, "input": "TRIGGERPACED:20"}))
            await socket.recv()
        if abrupt:
            socket.transport.abort()
        await socket.close()
    await asyncio.sleep(1)
    quiet(patched)


async def test_a_leaving_client_cancels_the_provider_call(tmp_path):
    """A client that leaves ends the provider's stream before most of its events.

    This needs the setting that replaces aiohttp, LiteLLM's default HTTP client. aiohttp leaves a
    cancelled stream open, over HTTP as well.
    """
    environ = {"DISABLE_AIOHTTP_TRANSPORT": "True"}
    with running(PINS["litellm-live"][-1], "2.0.0", tmp_path, environ=environ) as live:
        socket = await connect(live.ws_url)
        await socket.send(json.dumps({**CREATE, "input": "TRIGGERPACED:50"}))
        while json.loads(await socket.recv())["type"] != "response.output_text.delta":
            pass
        socket.transport.abort()
        gone = await until(lambda: [r for r in live.provider_log() if r["kind"] == "client_gone"])
        assert gone[0]["events"] < 10  # of 50


async def test_a_left_turn_counts_as_over_http(bridge):
    """A turn whose client left counts against max_parallel_requests as it does over HTTP."""
    body = {"model": "gpt-4o", "input": "TRIGGERPACED:30", "stream": True}

    async def leave_websocket(key):
        socket = await connect(bridge.ws_url, key)
        await socket.send(json.dumps({"type": "response.create", **body}))
        while json.loads(await socket.recv())["type"] != "response.output_text.delta":
            pass
        socket.transport.abort()

    async def leave_http(key):
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            httpx.AsyncClient(base_url=bridge.proxy.url) as http,
            http.stream("POST", "/v1/responses", json=body, headers=headers) as answer,
        ):
            async for line in answer.aiter_lines():
                if "delta" in line:
                    break

    next_turns = []
    for leave in (leave_websocket, leave_http):
        key = bridge.new_key(max_parallel_requests=1)
        await leave(key)
        await asyncio.sleep(3)
        async with connect(bridge.ws_url, key) as again:
            next_turns.append((await turn(again, model="gpt-4o", input="hi"))[-1]["type"])
    assert next_turns[0] == next_turns[1]


async def until(found, seconds=5):
    """Return the first true result of `found()`; fail after `seconds`."""
    for _ in range(int(seconds * 10)):
        result = found()
        if result:
            return result
        await asyncio.sleep(0.1)
    pytest.fail(f"nothing after {seconds} s")


async def test_a_turn_never_ends_in_silence(bridge, quiet):
    """A provider's drop, early end, refusal or failure ends the turn; the next turn completes."""
    quiet(bridge)
    async with connect(bridge.ws_url) as socket:
        for word, kind, status in (
            ("TRIGGERDROP", "error", 502),
            ("TRIGGEREARLYEND", "error", 502),
            ("TRIGGER400", "error", 400),
            ("TRIGGER401", "error", 401),  # from the provider: Codex retries it over HTTP, too
            ("TRIGGER403", "error", 403),
            ("TRIGGERSTATUS:404", "error", 404),
            ("TRIGGERSTATUS:408", "error", 408),
            ("TRIGGERSTATUS:409", "error", 409),
            ("TRIGGER429", "error", 429),
            ("TRIGGER500", "error", 500),
            ("TRIGGERFAILED", "response.failed", None),
            ("TRIGGERINCOMPLETE", "response.incomplete", None),
        ):
            events = await asyncio.wait_for(turn(socket, model="gpt-4o", input=word), 30)
            assert events[-1]["type"] == kind, (word, events[-1])
            if status:
                assert events[-1]["status"] == status, (word, events[-1])
            assert said(await turn(socket, model="gpt-4o", input="hi"))
    unknown = (await one_turn(bridge, model="no-such-model", input="hi"))[-1]
    assert (unknown["type"], unknown["status"]) == ("error", 400)


async def test_a_guardrail_s_answer_is_a_turn(bridge):
    """A guardrail's JSON answer becomes the events of a turn, which a later turn can continue."""
    since = len(bridge.provider_log())
    async with connect(bridge.ws_url) as socket:
        events = await turn(socket, model="gpt-4o", input="TRIGGERGUARDRAIL", store=False)
        assert said(events) == "blocked by the guardrail"
        assert len(bridge.provider_log()) == since
        previous = events[-1]["response"]["id"]
        again = await turn(socket, model="gpt-4o", input="hi", previous_response_id=previous)
        assert said(again)


async def one_turn(live, **fields):
    """Return the events of a turn on a new connection."""
    async with connect(live.ws_url) as socket:
        return await turn(socket, **fields)


async def test_every_error_has_a_status(relay):
    """Every error event of 1.0.0 has a status, even where LiteLLM makes the event."""
    for fields in (
        {"model": "hosted_vllm/gpt-5.4", "input": "TRIGGER400"},
        {"model": "managed-5.4", "input": "TRIGGER429"},
        {"model": "gpt-4o", "input": "TRIGGER500"},
        {"model": "gpt-4o", "input": "TRIGGER400"},
    ):
        try:
            event = (await asyncio.wait_for(one_turn(relay, **fields), 20))[-1]
        except ConnectionClosed as closed:  # the client sees this end, too
            assert closed.rcvd is not None
            continue
        if event["type"] == "error":
            assert type(event["status"]) is int, event


async def test_a_slow_client_slows_the_provider(bridge):
    """While the client does not read, the proxy does not read from the provider either."""
    status = Path(f"/proc/{bridge.proxy.process.pid}/status")

    def rss():
        return int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1])  # KiB

    async with connect(bridge.ws_url, max_queue=1, compression=None) as socket:
        assert said(await turn(socket, model="gpt-4o", input="hi"))
        before = rss()
        await socket.send(json.dumps({**CREATE, "input": "TRIGGERFLOOD"}))
        await asyncio.sleep(4)
        assert rss() - before < 40_000, "64 MiB of deltas were taken into memory"
        socket.transport.abort()
