"""One turn: a POST to the proxy's own application, in process, its events handed on one by one."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .answers import cancelled_event, events_of_response
from .errors import error_event, internal_error
from .heartbeat import NO_HEARTBEAT, Heartbeat, heartbeat_event
from .http_errors import answer_error, exception_error, headers_to_tell, stream_error
from .provider import NOBODY, read_provider
from .session import dump, not_found
from .sse import EventStream

_TERMINAL = (
    "response.completed",
    "response.failed",
    "response.incomplete",
    "response.cancelled",
    "error",
)

# An event that adds a piece of text. Most events are such, and nothing here needs their content, so
# they are passed on unparsed. LiteLLM writes the type first.
_DELTA = re.compile(r'\{"type": ?"response\.[a-z_.]+\.delta"[,}]')
_UNREAD: dict[str, Any] = {}

Emit = Callable[[dict[str, Any], str], Awaitable[None]]


class Exchange:
    """The two ASGI callables of one request, and the promise of exactly one terminal event.

    `emit(event, text)` gets each event and the JSON text to send: the application's own text
    where nothing had to change; of a delta just that, beside an empty event. It may block; the
    application then waits, and with it the read from the provider. Once the client left, or
    cancelled the turn, the application is told so as a server tells it of an HTTP client.
    `asked_for`: an earlier response that LiteLLM, which keeps no conversations, can only know if
    its provider does.
    """

    def __init__(
        self, body: bytes, emit: Emit, max_event_bytes: int, asked_for: str | None = None
    ) -> None:
        self.provider = NOBODY
        self.size = len(body)
        self.lost_identity = False
        self.ended = False
        self._started = time.monotonic()
        self._heard_at = self._told_at = self._started
        self.heartbeat: Heartbeat = NO_HEARTBEAT
        # Called when the answer begins: the body was read and passed on.
        self.begun: Callable[[], None] = lambda: None
        self.ids: set[str] = set()  # ids that the stream has given its response
        self._response: dict[str, Any] = {}  # as it was told last
        self._body: bytes | None = body
        self._emit = emit
        self._left = asyncio.Event()
        self._asked_for = asked_for
        self._max_event_bytes = max_event_bytes
        self._stream: EventStream | None = None
        self._status = 0
        self._headers: Sequence[tuple[bytes, bytes]] = ()
        self._last = ""  # the type of the event that was told last
        self._number = 0  # the `sequence_number` of the next event that we make
        self._delta = "{}"  # the last one, unread; its number counts where an event of ours follows
        self._whole = False
        self._answer = bytearray()

    @property
    def over(self) -> bool:
        """Whether nothing more can be told: the terminal event went out or the client left."""
        return self.ended or self._left.is_set()

    def report(self) -> dict[str, Any]:
        """Return what a log may say of the turn: LiteLLM's call id and cost (USD), and its end.

        The cost is the usage's where LiteLLM tells it there (`include_cost_in_streaming_usage`);
        the header's is written before a stream's output is known.
        """
        headers = {name.lower(): value.decode("latin-1") for name, value in self._headers}
        usage = self._response.get("usage")
        cost = usage.get("cost") if isinstance(usage, dict) else None
        return {
            "call_id": headers.get(b"x-litellm-call-id"),
            "cost": headers.get(b"x-litellm-response-cost") if cost is None else cost,
            "http_status": self._status or None,
            "outcome": self._outcome(),
            "seconds": round(time.monotonic() - self._started, 3),
        }

    def _outcome(self) -> str:
        """Return how the turn ended, in the words of the metric's label."""
        if not self.ended:
            return "client_left"
        cancelled = self._response.get("status") == "cancelled" and self._last != "error"
        return "cancelled" if cancelled else self._last.removeprefix("response.")

    @property
    def seconds_left(self) -> float | None:
        """The seconds until `keep_alive` is due, or None: the turn is over or no heart beats."""
        now = time.monotonic()
        if self.over:
            return None
        return self.heartbeat.seconds_left(now - self._heard_at, now - self._told_at)

    async def keep_alive(self) -> bool:
        """Send a heartbeat for a silent provider if one is due, or end the turn.

        Returns True if the turn was ended.
        """
        if self.seconds_left != 0:
            return False
        if self.heartbeat.is_over(time.monotonic() - self._heard_at):
            seconds = f"{self.heartbeat.at_most:g}"
            message = f"The provider has sent nothing for {seconds} seconds."
            event = error_event(504, message, code="provider_silent", error_type="server_error")
            await self._put(event)
            self.client_left()
            return True
        self._told_at = time.monotonic()
        self._count_deltas()
        event = heartbeat_event(max(0, self._number - 1))
        await self._emit(event, dump(event))
        return False

    def client_left(self) -> None:
        """Tell the application that the client left."""
        self._left.set()

    async def cancel(self) -> None:
        """End the turn as its client asked."""
        if not self.over:
            await self._put(cancelled_event(self._response))
        self.client_left()

    async def receive(self) -> dict[str, Any]:
        """Give the request's body once, then the client's leaving."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take the next part of the application's answer."""
        if self.over:
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self.begun()
            self._headers = message.get("headers") or ()
            self.provider = read_provider(self._headers)
            kind = dict(self._headers).get(b"content-type", b"")
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
            if _DELTA.match(data):
                self._delta = data
                self._heard_at = self._told_at = time.monotonic()
                await self._emit(_UNREAD, data)
                continue
            try:
                event = json.loads(data)
            except ValueError:
                continue  # `[DONE]`, and whatever else is no event of this protocol
            if not isinstance(event, dict):
                continue
            if event.get("type") == "error" or (event.get("error") and "type" not in event):
                await self._put(stream_error(event, self._status))
            elif self._is_without_its_past(event):
                await self._put(not_found(self._asked_for or "").event)
                self.client_left()
            elif isinstance(event.get("type"), str):
                await self._put(event, data)

    def _is_without_its_past(self, event: dict[str, Any]) -> bool:
        """Tell whether an answer ignores the conversation that it should continue.

        LiteLLM drops it silently where it turns the request into a chat completion.
        """
        response = event.get("response")
        return (
            self._asked_for is not None
            and not self.provider.has_responses
            and event.get("type") == "response.created"
            and isinstance(response, dict)
            and not response.get("previous_response_id")
        )

    async def _put(self, event: dict[str, Any], text: str | None = None) -> None:
        """Hand on an event: the application's own with its `text`, or one that we made."""
        if text is None:
            self._count_deltas()
            event = {**event, "sequence_number": self._number}
            text = dump(event)
        self._count(event)
        response = event.get("response")
        if isinstance(response, dict):
            self._response = response
            if isinstance(response.get("id"), str):
                self.ids.add(response["id"])
        self._last = event["type"]
        self._heard_at = self._told_at = time.monotonic()
        if event["type"] in _TERMINAL:
            self.ended = True
        await self._emit(event, text)

    def _count_deltas(self) -> None:
        """Take in the number of the last delta, which passed unread."""
        with contextlib.suppress(ValueError):
            self._count(json.loads(self._delta))

    def _count(self, event: dict[str, Any]) -> None:
        number = event.get("sequence_number")
        if isinstance(number, int) and number >= self._number:
            self._number = number + 1

    async def _fail(self, message: str, code: str) -> None:
        if not self.ended:
            await self._put(error_event(502, message, code=code, error_type="server_error"))

    async def finish(self, crash: BaseException | None = None) -> None:
        """Give the terminal event that the answer did not have; `crash`: what was raised."""
        if self.over:
            return
        raised = exception_error(crash)
        if self._status and self._status != 200 and self._stream is None:
            event, self.lost_identity = answer_error(
                self._status, bytes(self._answer), headers_to_tell(self._headers)
            )
            await self._put(event)
        elif raised and not self._whole:
            await self._put(raised)
        elif self._stream is not None:
            await self._fail("The upstream stream ended early.", "upstream_stream_ended")
        elif crash and not self._whole:
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
