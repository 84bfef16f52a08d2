"""One turn: a POST to the proxy's own application, in process, its events handed on one by one."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from .answers import events_of_response
from .errors import (
    error_event,
    error_event_from_body,
    error_event_from_stream,
    internal_error,
    is_lost_identity,
)
from .session import dump
from .sse import EventStream

_TERMINAL = ("response.completed", "response.failed", "response.incomplete", "error")

Emit = Callable[[dict[str, Any], str], Awaitable[None]]


class Exchange:
    """The two ASGI callables of one request, and the promise of exactly one terminal event.

    `emit(event, text)` gets each event and the JSON text to send: the application's own text
    where nothing had to change. It may block; the application then waits, and with it the read
    from the provider.
    """

    def __init__(self, body: bytes, emit: Emit, max_event_bytes: int) -> None:
        self.lost_identity = False
        self.ended = False
        self._body: bytes | None = body
        self._emit = emit
        self._gone = asyncio.Event()
        self._max_event_bytes = max_event_bytes
        self._stream: EventStream | None = None
        self._status = 0
        self._whole = False
        self._answer = bytearray()

    @property
    def over(self) -> bool:
        """Whether nothing more can be told: the terminal event went out or the client left."""
        return self.ended or self._gone.is_set()

    def disconnect(self) -> None:
        """Tell the application that its client left, as a server tells it of an HTTP client."""
        self._gone.set()

    async def receive(self) -> dict[str, Any]:
        """Give the request's body once, then the client's leaving."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take the next part of the application's answer."""
        if self.over:
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
            kind = dict(message.get("headers") or []).get(b"content-type", b"")
            if kind.startswith(b"text/event-stream"):
                self._stream = EventStream(self._max_event_bytes)
        elif message["type"] == "http.response.body":
            chunk = message.get("body", b"")
            self._whole = not message.get("more_body", False)
            if self._stream is not None:
                await self._events(self._stream, chunk)
                return
            self._answer += chunk
            if len(self._answer) > self._max_event_bytes:
                await self._fail("The answer is too large.", "answer_too_large")

    async def _events(self, stream: EventStream, chunk: bytes) -> None:
        try:
            datas = stream.feed(chunk)
        except ValueError:
            await self._fail("An event of the answer is too large.", "event_too_large")
            return
        for data in datas:
            if self.over:
                return
            try:
                event = json.loads(data)
            except ValueError:
                continue  # `[DONE]`, and whatever else is no event of this protocol
            if not isinstance(event, dict):
                continue
            if event.get("type") == "error" or (event.get("error") and "type" not in event):
                await self._put(error_event_from_stream(event, self._status))
            elif isinstance(event.get("type"), str):
                await self._put(event, data)

    async def _put(self, event: dict[str, Any], text: str | None = None) -> None:
        if event.get("type") in _TERMINAL:
            self.ended = True
        await self._emit(event, dump(event) if text is None else text)

    async def _fail(self, message: str, code: str) -> None:
        if not self.ended:
            await self._put(error_event(502, message, code=code, error_type="server_error"))

    async def finish(self, crashed: bool) -> None:
        """Give the terminal event that the application's answer did not have."""
        if self.over:
            return
        if self._stream is not None:
            await self._fail("The upstream stream ended early.", "upstream_stream_ended")
        elif self._status and self._status != 200:
            event = error_event_from_body(self._status, bytes(self._answer))
            self.lost_identity = is_lost_identity(self._status, event)
            await self._put(event)
        elif crashed and not self._whole:
            await self._put(internal_error())
        else:
            await self._whole_answer()

    async def _whole_answer(self) -> None:
        try:
            answer = json.loads(bytes(self._answer))
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("output"), list):
            await self._fail("The answer is not a response.", "unexpected_answer")
            return
        for event in events_of_response(answer):
            await self._put(event)
