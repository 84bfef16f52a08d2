"""The client's end of a connection, on a fake socket."""

import asyncio
import json

import pytest

from endpoint_patch.versions.v2_0_0.inserted.client import Client


class Socket:
    """A socket that returns given messages, keeps what is sent, and fails when told to."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.sent = []
        self.closed = []
        self.broken = False

    async def receive(self):
        return self.messages.pop(0)

    async def send_text(self, text):
        if self.broken:
            raise RuntimeError("no more")
        self.sent.append(text)

    async def close(self, code):
        self.closed.append(code)
        if self.broken:
            raise RuntimeError("no more")


def client(*messages):
    """Return a client, its socket, and the event that wakes its supervisor."""
    socket, wake = Socket(*messages), asyncio.Event()
    return Client(socket, wake), socket, wake


@pytest.mark.parametrize(
    ("message", "raw", "heard"),
    [
        ({"type": "websocket.receive", "text": "a"}, "a", True),
        ({"type": "websocket.receive", "text": ""}, "", True),
        ({"type": "websocket.receive", "text": None, "bytes": b"a"}, b"a", True),
        ({"type": "websocket.receive", "bytes": b"a"}, b"a", True),
        ({"type": "websocket.receive", "bytes": b""}, b"", True),
        ({"type": "websocket.disconnect", "code": 1006}, None, False),
    ],
)
async def test_what_is_read(message, raw, heard):
    """Text and bytes are read unchanged; an empty message is no disconnect."""
    one, _socket, wake = client(message)
    assert await one.receive() == raw
    assert one.heard is heard
    assert not wake.is_set()


@pytest.mark.parametrize(
    ("told", "code"), [({"code": 4321}, 4321), ({}, 1005), ({"code": None}, 1005)]
)
async def test_how_a_client_left_is_kept(told, code):
    """The close code with which a client left is kept, if the server reports it."""
    one, _socket, _wake = client({"type": "websocket.disconnect", **told})
    assert one.left_code is None
    await one.receive()
    assert one.left_code == code


async def test_nothing_is_read_from_a_client_that_is_let_go():
    """After `request_close` nothing more is read, and the supervisor wakes up to close."""
    one, socket, wake = client({"type": "websocket.receive", "text": "a"})
    one.request_close(1009)
    assert await one.receive() is None
    assert (wake.is_set(), len(socket.messages)) == (True, 1)


@pytest.mark.parametrize(
    ("text", "stream_id", "sent"),
    [
        ('{"a": 1}', None, '{"a": 1}'),
        ('{"a": 1e400, "a": 2}', "l.1", '{"stream_id":"l.1","a": 1e400, "a": 2}'),
        (' \n{"a":"\u4e16"}', "l", '{"stream_id":"l","a":"\u4e16"}'),
    ],
)
async def test_a_lane_s_event_names_its_lane(text, stream_id, sent):
    """An event of a lane gets its `stream_id`; the rest of the text stays unchanged."""
    one, socket, _wake = client()
    await one.send(text, stream_id)
    assert socket.sent == [sent]


async def test_an_event_of_ours_is_told_as_json():
    """Our events are sent as ASCII JSON, which can even carry a lone surrogate."""
    one, socket, _wake = client()
    await one.send_event({"type": "error", "message": "\ud83d"}, "l")
    assert socket.sent == ['{"stream_id":"l","type":"error","message":"\\ud83d"}']
    assert json.loads(socket.sent[0])["message"] == "\ud83d"


async def test_a_send_that_fails_is_a_client_that_is_gone():
    """A failed send marks the client as gone and wakes the supervisor, without an exception."""
    one, socket, wake = client()
    socket.broken = True
    await one.send("{}", None)
    assert (one.gone.is_set(), one.close_code, wake.is_set()) == (True, 1011, True)


async def test_events_of_two_lanes_do_not_mix():
    """The sends of two lanes do not interleave, even if the client reads slowly."""
    one, socket, _wake = client()
    gate = asyncio.Event()
    steps = []

    async def slow(text):
        steps.append(("begin", text))
        await gate.wait()
        steps.append(("end", text))

    socket.send_text = slow
    sends = [asyncio.ensure_future(one.send(text, None)) for text in ("{1}", "{2}")]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*sends)
    assert steps == [("begin", "{1}"), ("end", "{1}"), ("begin", "{2}"), ("end", "{2}")]


@pytest.mark.parametrize(("let_go", "code"), [(None, 1000), (1012, 1012)])
@pytest.mark.parametrize("broken", [False, True])
async def test_closing(let_go, code, broken):
    """`close` uses the requested code, or 1000; an already closed socket is no error."""
    one, socket, _wake = client()
    socket.broken = broken
    if let_go is not None:
        one.request_close(let_go)
    await one.close()
    assert socket.closed == [code]
    assert one.gone.is_set()
