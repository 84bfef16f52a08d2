"""The mock provider as a server: the failures that other live tests rely on."""

from __future__ import annotations

import asyncio
import http.client
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from litellm_overlay.local import environment, processes
from pins import PINS
from support.client import connect, receive_turn, said, turn
from support.fleet import json_lines


@pytest.fixture(scope="module")
def env():
    """Return any LiteLLM environment, whose Python runs the mock."""
    return environment.create(PINS["litellm-live"][-1])


@pytest.fixture
def mock(env, tmp_path):
    """Run a mock provider with a log of its own."""
    with processes.start_mock(env, tmp_path / "mock.jsonl") as server:
        yield server


def post(server, text, **fields):
    """POST one request; return the response, with its body unread."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    body = json.dumps({"model": "gpt-5.4", "input": text, **fields})
    connection.request("POST", "/v1/responses", body, {"Authorization": "Bearer sk-long-secret"})
    return connection.getresponse()


def recorded(server, kind):
    """Return the first record of a kind, once the log has one."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for record in json_lines(server.log):
            if record["kind"] == kind:
                return record
        time.sleep(0.02)
    raise AssertionError(f"no {kind} in {json_lines(server.log)}")


def test_a_request_is_logged_whole_but_for_its_key(mock):
    """The log has the whole body of a request, but not its key."""
    assert post(mock, "hi", metadata={"a": [1, None]}).status == 200
    record = recorded(mock, "request")
    assert record["body"] == {"model": "gpt-5.4", "input": "hi", "metadata": {"a": [1, None]}}
    assert "secret" not in json.dumps(record)


def test_a_stream_that_is_dropped_has_no_proper_end(mock):
    """A dropped stream is an incomplete body for the client."""
    with pytest.raises(http.client.IncompleteRead):
        post(mock, "TRIGGERDROP", stream=True).read()
    assert recorded(mock, "turn_end")["ending"] == "dropped"


def test_a_stream_that_ends_early_ends_properly(mock):
    """A stream that ends early is a complete body without a terminal event."""
    body = post(mock, "TRIGGEREARLYEND", stream=True).read()
    assert b"response.output_text.delta" in body
    assert b"response.completed" not in body


def test_a_client_that_leaves_is_noticed_at_once(mock):
    """A client's leaving is logged with the events sent so far, and ends the stream."""
    answer = post(mock, "TRIGGERPACED:1000", stream=True)
    answer.read(1)
    answer.close()
    assert recorded(mock, "client_gone")["events"] < 1000


def test_a_slow_reader_holds_back_a_flood(mock):
    """A slow reader stops the flood long before its 64 MiB are sent."""
    answer = post(mock, "TRIGGERFLOOD", stream=True)
    time.sleep(1)
    answer.close()
    assert recorded(mock, "client_gone")["events"] < 1000


async def test_a_websocket_keeps_its_chain(mock):
    """A turn can continue one of the same connection, but not of another."""
    url = f"{mock.ws_url}/v1/responses"
    async with connect(url) as socket:
        warm = await turn(socket, model="gpt-5.4", input=[], generate=False, store=False)
        follow = {"model": "gpt-5.4", "input": "hi", "store": False}
        follow["previous_response_id"] = warm[-1]["response"]["id"]
        assert said(await turn(socket, **follow)) == "Hello from the mock model."
    async with connect(url) as socket:
        refusal = (await turn(socket, **follow))[-1]
        assert (refusal["status"], refusal["error"]["code"]) == (400, "previous_response_not_found")


async def test_a_websocket_is_cut_or_closed_as_asked(mock):
    """A drop has no close frame; an early end closes with 1000."""
    for word, code in (("TRIGGERDROP", None), ("TRIGGEREARLYEND", 1000)):
        async with connect(f"{mock.ws_url}/v1/responses") as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await turn(socket, model="gpt-5.4", input=word)
            assert (closed.value.rcvd and closed.value.rcvd.code) == code


async def test_turns_on_one_websocket_are_answered_in_order(mock):
    """A second frame is answered after the first turn."""
    async with connect(f"{mock.ws_url}/v1/responses") as socket:
        for text in ("TRIGGERPACED:3", "hi"):
            frame = {"type": "response.create", "model": "gpt-5.4", "input": text}
            await socket.send(json.dumps(frame))
        assert said(await receive_turn(socket)) == "0 1 2 "
        assert said(await receive_turn(socket)) == "Hello from the mock model."


async def test_a_provider_without_websockets_answers_404(env, tmp_path):
    """With --no-websocket a handshake gets 404, and POST is served."""
    with processes.start_mock(env, tmp_path / "mock.jsonl", "--no-websocket") as mock:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(f"{mock.ws_url}/v1/responses")
        assert refusal.value.response.status_code == 404
        answer = await asyncio.to_thread(post, mock, "hi")
        assert answer.status == 200


async def test_the_mock_speaks_tls_that_the_bundle_trusts(env, tmp_path):
    """A client that trusts the bundle accepts the mock's certificate."""
    import ssl

    tls = processes.make_certificates(env, tmp_path / "tls")
    with processes.start_mock(env, tmp_path / "mock.jsonl", tls=tls) as mock:
        trust = ssl.create_default_context(cafile=str(tls.bundle))
        async with connect(f"{mock.ws_url}/v1/responses", ssl=trust) as socket:
            assert said(await turn(socket, model="gpt-5.4", input="hi"))
