"""The client: failures of a server are values, not exceptions, and never take long.

More than 300 lines, since it is a list: one behaviour of a server, one test.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import trustme

from fakes.responses_server import ResponsesServer, completed, error
from litellm_overlay.errors import OverlayError
from litellm_overlay.responses import protocol
from litellm_overlay.responses.client import AUTH_FORMS, connect, responses_url

KEY = "sk-secret-1234"
FRAME = protocol.response_create("gpt-5.4", protocol.user_message("hi"))


async def turn_with(*steps, frame=FRAME, timeout=5.0):
    """Return the turn that a server makes of these steps."""
    async with (
        ResponsesServer(lambda _: steps).running() as server,
        connect(server.url, KEY, timeout=timeout) as connection,
    ):
        return await connection.turn(frame)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://localhost:4000", "ws://localhost:4000/v1/responses"),
        ("https://llm.example.com/", "wss://llm.example.com/v1/responses"),
        ("ws://h:1/v1", "ws://h:1/v1/responses"),
        ("wss://h/v1/responses", "wss://h/v1/responses"),
        ("http://h/responses/", "ws://h/responses"),
        ("http://h/litellm/v1/", "ws://h/litellm/v1/responses"),
        ("http://[::1]:4000", "ws://[::1]:4000/v1/responses"),
    ],
)
def test_a_base_url_becomes_the_endpoint(given, expected):
    """Each form of an address leads to the same endpoint."""
    assert responses_url(given) == expected


def test_a_model_in_the_query_is_escaped():
    """A model name in the query is escaped."""
    assert responses_url("http://h", "a&b=c") == "ws://h/v1/responses?model=a%26b%3Dc"


@pytest.mark.parametrize(
    "url", ["", "localhost:4000", "ftp://h", "http://", "http://[::1", "http://h:99999"]
)
def test_what_is_no_url_is_refused(url):
    """A wrong address is an error with an example."""
    with pytest.raises(OverlayError, match="must begin with"):
        responses_url(url)


@pytest.mark.parametrize("url", ["http://h/?model=x", "http://h/#x", "http://user:pw-1234@h/"])
def test_a_query_or_a_password_in_the_url_is_refused_and_not_repeated(url):
    """A query or a password in the address is refused without repeating it."""
    with pytest.raises(OverlayError, match="no query, fragment or password") as refusal:
        responses_url(url)
    assert "pw-1234" not in refusal.value.message + refusal.value.hint


async def test_a_turn_tells_what_was_said_and_what_it_cost():
    """A turn has text, id and tokens from its events, and its times in order."""
    turn = await turn_with(*completed("pong"))
    assert (turn.completed, turn.terminal, turn.close) == (True, "response.completed", None)
    assert (turn.text, turn.response_id) == ("pong", "resp_1")
    assert turn.usage == {"input_tokens": 3, "output_tokens": 1}
    assert 0 < turn.first_event_ms <= turn.total_ms


async def test_tool_calls_are_found():
    """A turn has its tool calls with their ids."""
    call = {"type": "function_call", "call_id": "call_1", "name": "shell_command"}
    turn = await turn_with({"type": "response.output_item.done", "item": call}, *completed())
    assert turn.calls == (call,)


async def test_a_second_turn_on_the_same_connection():
    """A connection can make a second turn."""
    async with (
        ResponsesServer().running() as server,
        connect(server.url, KEY, timeout=5) as connection,
    ):
        warm = await connection.turn(protocol.warm_up("gpt-5.4"))
        after = protocol.response_create("gpt-5.4", previous=warm.response_id)
        assert (await connection.turn(after)).completed
    assert [frame.get("generate") for frame in server.frames] == [False, None]
    assert server.frames[1]["previous_response_id"] == "resp_warm"


async def test_frames_of_other_kinds_are_sent_as_they_are():
    """Text that is no JSON, and bytes, are sent as they are."""
    seen = []
    server = ResponsesServer()

    async def talk(websocket):
        async for message in websocket:
            seen.append(message)
            await websocket.send('{"type": "error", "status": 400}')

    server.talk = talk
    async with server.running(), connect(server.url, KEY, timeout=5) as connection:
        for frame in ("{no json", b"\x00\xff"):
            assert (await connection.turn(frame)).terminal == "error"
    assert seen == ["{no json", b"\x00\xff"]


async def test_silence_ends_at_the_time_limit():
    """Silence ends the turn after the time limit."""
    turn = await turn_with(timeout=0.1)
    assert turn.silent
    assert turn.events == ()


async def test_silence_in_mid_turn_keeps_what_came():
    """Silence in the middle keeps the events so far."""
    turn = await turn_with(completed()[0], timeout=0.1)
    assert turn.silent
    assert [event["type"] for event in turn.events] == ["response.created"]


async def test_a_steady_stream_cannot_outlast_the_time_limit():
    """Endless events do not prolong the time limit."""
    endless = ResponsesServer()

    async def talk(websocket):
        while True:
            await websocket.send('{"type": "response.output_text.delta", "delta": "x"}')
            await asyncio.sleep(0.01)

    endless.talk = talk
    async with endless.running(), connect(endless.url, KEY, timeout=0.2) as connection:
        turn = await connection.turn(FRAME)
    assert turn.silent
    assert turn.text.startswith("x")


@pytest.mark.parametrize(("step", "code"), [(1011, 1011), (1008, 1008), ("drop", 1006)])
async def test_a_close_is_told_by_its_code(step, code):
    """A close or a lost connection ends the turn with its code."""
    turn = await turn_with(completed()[0], step)
    assert (turn.terminal, turn.close, turn.silent) == (None, code, False)


async def test_a_turn_after_the_close_tells_the_same_code():
    """A turn after the close has the same code."""
    async with (
        ResponsesServer(lambda _: [1012]).running() as server,
        connect(server.url, KEY, timeout=5) as connection,
    ):
        assert [(await connection.turn(FRAME)).close for _ in range(2)] == [1012, 1012]


async def test_an_error_event_ends_the_turn():
    """An error event ends the turn, with or without a status."""
    turn = await turn_with(error(None, "why"))
    assert (turn.terminal, turn.error["error"]["message"]) == ("error", "why")


@pytest.mark.parametrize("message", ["no json", "[1]", b"\xff\xfe", '{"type": ["x"]}'])
async def test_what_is_no_event_does_no_harm(message):
    """Messages that are no events are kept, and the turn continues."""
    turn = await turn_with(message, *completed())
    assert turn.completed
    assert len(turn.events) == 4


@pytest.mark.parametrize("response", ["text", None, {"id": 7, "usage": "x"}])
async def test_a_final_event_of_the_wrong_shape_does_no_harm(response):
    """A terminal event of the wrong shape gives a completed turn without id or usage."""
    turn = await turn_with({"type": "response.completed", "response": response})
    assert (turn.completed, turn.response_id, turn.usage) == (True, None, {})


@pytest.mark.parametrize("status", [401, 403, 404, 426, 429, 500, 503])
async def test_a_refused_handshake_is_a_status(status):
    """A refused handshake has its status, and no turn is possible."""
    async with (
        ResponsesServer(refuse=lambda _: status).running() as server,
        connect(server.url, KEY, timeout=5) as connection,
    ):
        assert (connection.status, connection.accepted) == (status, False)
        turn = await connection.turn(FRAME)
    assert (turn.close, turn.completed, turn.silent) == (status, False, False)


async def test_a_redirect_is_not_followed():
    """A redirect is not followed, so the key reaches no other host."""
    async with ResponsesServer().running() as other:
        elsewhere = other.url.replace("http", "ws") + "/v1/responses"
        server = ResponsesServer(refuse=lambda _: 307, location=elsewhere)
        async with server.running(), connect(server.url, KEY, timeout=5) as connection:
            assert connection.status == 307
    assert other.requests == []


@pytest.mark.parametrize("auth", AUTH_FORMS)
async def test_the_key_travels_in_one_place(auth):
    """Each form of authentication sends the key once, in its own place."""
    async with (
        ResponsesServer().running() as server,
        connect(server.url, KEY, auth=auth, timeout=5) as connection,
    ):
        assert connection.accepted
    request = server.requests[0]
    carriers = {
        "bearer": ("authorization", f"Bearer {KEY}"),
        "api-key": ("api-key", KEY),
        "subprotocol": ("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{KEY}"),
    }
    carrying = {name.lower(): value for name, value in request.headers.raw_items() if KEY in value}
    assert carrying == dict([carriers[auth]])
    assert KEY not in request.path


@pytest.mark.parametrize(
    ("key", "auth"),
    [("", "bearer"), ("sk-1\r\nX: y", "bearer"), ("sk 1", "api-key"), ("sk/1=", "subprotocol")],
)
async def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(key, auth):
    """A key that cannot be a header is refused without repeating it."""
    with pytest.raises(OverlayError, match="the key is empty or holds") as refusal:
        async with connect("http://127.0.0.1:1", key, auth=auth):
            pass
    assert not key or key not in refusal.value.message


async def unreachable(url, timeout=5.0):
    """Return the error of a connection that fails."""
    with pytest.raises(OverlayError) as failure:
        async with connect(url, KEY, timeout=timeout):
            pass
    assert failure.value.hint
    assert KEY not in failure.value.message + failure.value.hint
    return failure.value.message


async def test_nothing_listens():
    """A refused connection is an error in our words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        message = await unreachable(f"http://127.0.0.1:{port}")
    assert message == f"cannot reach 127.0.0.1:{port}: Connection refused"


async def test_an_unknown_host():
    """A host name that does not resolve is an error."""
    assert "cannot reach no-such-host.invalid: " in await unreachable("http://no-such-host.invalid")


async def test_a_server_that_never_answers_the_handshake():
    """A handshake without an answer ends after the time limit."""

    async def swallow(reader, writer):  # keeps them: otherwise the writer is closed
        await asyncio.sleep(5)

    silent = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with silent:
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        assert "no answer to the handshake within 0.2 s" in await unreachable(url, timeout=0.2)


async def test_a_server_that_speaks_something_else():
    """An answer that is not HTTP is an error."""

    async def talk(reader, writer):
        await reader.readline()
        writer.write(b"220 smtp ready\r\n")
        writer.close()

    other = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        assert "did not answer as a web server does" in await unreachable(url)


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "TLS failed"), (b"", "it broke the connection off")],
)
async def test_tls_to_a_plain_server(answer, why):
    """https:// to a plain server is an error that says so."""

    async def talk(reader, writer):
        await reader.read(1)
        writer.write(answer)
        await writer.drain()
        writer.close()

    plain = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with plain:
        port = plain.sockets[0].getsockname()[1]
        assert why in await unreachable(f"https://127.0.0.1:{port}")


async def test_an_untrusted_certificate(monkeypatch, tmp_path):
    """A private CA is refused unless SSL_CERT_FILE names it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with ResponsesServer().running(ssl=context) as server:
        assert "its certificate is not trusted here" in await unreachable(server.url)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with connect(server.url, KEY, timeout=5) as connection:
            assert connection.accepted


async def test_an_http_proxy_is_not_asked_for_this_machine(monkeypatch):
    """An HTTP proxy is not used for this machine's addresses."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    async with (
        ResponsesServer().running() as server,
        connect(server.url, KEY, timeout=5) as connection,
    ):
        assert connection.accepted


def test_the_nested_form_holds_the_same_request():
    """The nested form has the same fields in another place."""
    frame = protocol.nested(FRAME)
    assert frame == {"type": "response.create", "response": {**frame["response"]}}
    assert {"type": "response.create", **frame["response"]} == FRAME


def test_a_tool_output_names_its_call():
    """A tool's output has the item that Codex sends."""
    item = protocol.tool_output("call_1", "done")
    assert item == {"type": "function_call_output", "call_id": "call_1", "output": "done"}
