"""The thin async shell of one connection: read frames, run turns in their lanes, end well."""

import asyncio
import contextlib
import contextvars
import os
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket

from .errors import RefusalError, error_event, internal_error
from .frames import Create, parse
from .request import request_headers, request_scope
from .session import Session, Turn, dump
from .turn import Exchange

_TICK = 0.5  # seconds between looks at the drain flag and the clocks
_GRACE = 2.0  # seconds an application gets to notice that its client left
_MAX_IN_FLIGHT = 16  # OpenAI's limits on one connection
_MAX_STREAM_IDS = 32
_MAX_IN_FLIGHT_BYTES = 32 << 20  # two of the largest messages
_MAX_MEMORY_BYTES = 64 << 20
_MAX_MEMORY_TURNS = 4096
_MAX_EVENT_BYTES = 64 << 20

Frame = Create | RefusalError


@dataclass(frozen=True)
class Options:
    """The overlay's settings as the guard validated them; 0 or '' turns a time or the drain off."""

    mode: str
    max_message_bytes: int
    first_message_timeout: float
    session_lifetime: float
    drain_file: str


def _fresh(coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """Start a task in an empty context, so that a turn's trace is no child of the socket's."""
    return contextvars.Context().run(asyncio.ensure_future, coroutine)


class Bridge:
    """Serves one accepted WebSocket until the client, a limit or a drain ends it."""

    def __init__(
        self,
        websocket: WebSocket,
        default_model: str | None,
        options: Options,
        key_header: Callable[[], str | None],
        logger: Any,
    ) -> None:
        self._socket = websocket
        self._state = dict(websocket.scope.get("state") or {})
        self._default_model = default_model
        self._options = options
        self._key_header = key_header
        self._logger = logger
        self._session = Session(_MAX_MEMORY_BYTES, _MAX_MEMORY_TURNS)
        self._lanes: dict[str | None, deque[tuple[Frame, int]]] = {}  # each with its size
        self._workers: set[asyncio.Task[None]] = set()
        self._exchanges: set[Exchange] = set()
        self._stream_ids: set[str] = set()
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._heard = False
        self._starting = True  # False: running turns end, none begins
        self._drain = False
        self._close_code: int | None = None
        self._sending = asyncio.Lock()
        self._wake = asyncio.Event()  # something happened that the supervisor must look at

    async def run(self) -> None:
        """Serve; returns when the connection is closed and every task has ended."""
        reader = asyncio.ensure_future(self._read())
        reader.add_done_callback(lambda _: self._wake.set())
        try:
            await self._supervise(reader)
        finally:
            await self._end(reader)

    async def _supervise(self, reader: "asyncio.Task[None]") -> None:
        began = time.monotonic()
        ending: Callable[[], Coroutine[Any, Any, None]] | None = None
        while not reader.done():
            self._wake.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _TICK)
            age = time.monotonic() - began
            ending = ending or self._reason_to_end(age)
            if ending is not None:
                self._starting = False
            if self._close_code is not None:
                return
            if ending is not None and not self._exchanges:
                await ending()
                return

    def _reason_to_end(self, age: float) -> Callable[[], Coroutine[Any, Any, None]] | None:
        options = self._options
        if self._draining():
            return self._leave_for_drain
        if options.session_lifetime and age >= options.session_lifetime:
            return self._leave_for_age
        if (
            options.first_message_timeout
            and not self._heard
            and age >= options.first_message_timeout
        ):
            return self._leave_for_silence
        return None

    def _draining(self) -> bool:
        # Once seen it stays: a frame may have been dropped for it, so the connection must end.
        if not self._drain and self._options.drain_file:
            self._drain = os.path.exists(self._options.drain_file)  # noqa: PTH110
        return self._drain

    async def _leave_for_drain(self) -> None:
        self._close_code = 1012

    async def _leave_for_age(self) -> None:
        message = "The connection reached its lifetime; open a new one."
        await self._tell(error_event(400, message, code="websocket_connection_limit_reached"))
        self._close_code = 1001

    async def _leave_for_silence(self) -> None:
        message = "No message came in time."
        await self._tell(error_event(400, message, code="first_message_timeout"))
        self._close_code = 1008

    async def _end(self, reader: "asyncio.Task[None]") -> None:
        """Cancel what runs, first as a leaving HTTP client would, and wait for all of it."""
        self._give_up()
        if reader.done() and not reader.cancelled() and reader.exception():
            self._logger.error("responses websocket: reading failed", exc_info=reader.exception())
            self._close_code = 1011
        with contextlib.suppress(Exception):  # closed already, by whichever side
            await self._socket.close(self._close_code or 1000)
        reader.cancel()
        workers = set(self._workers)
        if workers:
            await asyncio.wait(workers, timeout=_GRACE)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(reader, *workers, return_exceptions=True)

    # -- frames in ------------------------------------------------------------------------------

    async def _read(self) -> None:
        while self._close_code is None:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._heard = True
            raw = message.get("text")
            await self._take(raw if raw is not None else message.get("bytes") or b"")

    async def _take(self, raw: str | bytes) -> None:
        size = (
            len(raw)
            if isinstance(raw, bytes) or raw.isascii()
            else len(raw.encode("utf-8", "replace"))
        )
        frame: Frame | None
        if size > self._options.max_message_bytes:
            message = f"The message is larger than {self._options.max_message_bytes} bytes."
            frame = RefusalError(message, "message_too_large", close=1009)
        else:
            try:
                frame = parse(raw, self._default_model)
            except RefusalError as refusal:
                frame = refusal
        if frame is None:
            return
        if not self._has_room(size) or not self._named(frame.stream_id):
            # Told at once, out of turn: a queue with no end would be memory with no end.
            message = (
                f"At most {_MAX_IN_FLIGHT} turns in flight, {_MAX_STREAM_IDS} stream ids and "
                f"{_MAX_IN_FLIGHT_BYTES >> 20} MiB of them."
            )
            full = RefusalError(
                message, "websocket_stream_limit_reached", "stream_id", stream_id=frame.stream_id
            )
            await self._tell(full.event, frame.stream_id)
            return
        self._in_flight += 1
        self._in_flight_bytes += size
        lane = self._lanes.get(frame.stream_id)
        if lane is not None:
            lane.append((frame, size))
            return
        self._lanes[frame.stream_id] = deque([(frame, size)])
        worker = asyncio.ensure_future(self._work(frame.stream_id))
        self._workers.add(worker)
        worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._wake.set()

    def _has_room(self, size: int) -> bool:
        if self._in_flight >= _MAX_IN_FLIGHT:
            return False
        return not self._in_flight or self._in_flight_bytes + size <= _MAX_IN_FLIGHT_BYTES

    def _named(self, stream_id: str | None) -> bool:
        if stream_id is not None and len(self._stream_ids) < _MAX_STREAM_IDS:
            self._stream_ids.add(stream_id)
        return stream_id is None or stream_id in self._stream_ids

    # -- turns ----------------------------------------------------------------------------------

    async def _work(self, stream_id: str | None) -> None:
        """Handle a lane's frames in order; ends with the lane."""
        lane = self._lanes[stream_id]
        try:
            while lane and self._starting and not self._draining():
                frame, size = lane.popleft()
                try:
                    await self._handle(frame, stream_id)
                except Exception:  # a turn never ends in silence, not even by a fault of ours
                    self._logger.exception("responses websocket: the turn could not be run")
                    await self._tell(internal_error(), stream_id)
                finally:
                    self._in_flight -= 1
                    self._in_flight_bytes -= size
        finally:
            self._in_flight -= len(lane)
            self._in_flight_bytes -= sum(size for _, size in lane)
            del self._lanes[stream_id]

    async def _handle(self, frame: Frame, stream_id: str | None) -> None:
        try:
            if isinstance(frame, RefusalError):
                raise frame
            begun = self._session.begin(frame)
        except RefusalError as refusal:
            await self._tell(refusal.event, stream_id)
            if refusal.close:
                self._close(refusal.close)
            return
        if isinstance(begun, Turn):
            await self._run(begun, stream_id)
            return
        for event in begun:
            await self._tell(event, stream_id)

    async def _run(self, turn: Turn, stream_id: str | None) -> None:
        async def emit(event: dict[str, Any], text: str) -> None:
            try:
                turn.observe(event)
            except Exception:  # the answer matters more than its memory
                self._logger.exception("responses websocket: an event could not be remembered")
            await self._send(text, stream_id)

        exchange = Exchange(turn.body, emit, _MAX_EVENT_BYTES)
        self._exchanges.add(exchange)
        request = _fresh(self._post(turn, exchange))
        try:
            await asyncio.wait({request})
        finally:
            self._exchanges.discard(exchange)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
        if request.cancelled():  # by the application itself
            await exchange.finish(crashed=True)
        if exchange.lost_identity:
            self._close(1008)

    def _close(self, code: int) -> None:
        self._close_code = code
        self._wake.set()

    async def _post(self, turn: Turn, exchange: Exchange) -> None:
        scope = self._socket.scope
        headers = request_headers(scope["headers"], self._key_header(), len(turn.body))
        crashed = False
        try:
            application = scope["app"]
            await application(
                request_scope(scope, self._state, headers), exchange.receive, exchange.send
            )
        except Exception:  # the turn must not end in silence, whatever the application does
            crashed = True
            if not exchange.over:
                self._logger.exception("responses websocket: the turn's request failed")
        await exchange.finish(crashed)

    # -- events out -----------------------------------------------------------------------------

    async def _tell(self, event: dict[str, Any], stream_id: str | None = None) -> None:
        await self._send(dump(event), stream_id)

    async def _send(self, text: str, stream_id: str | None) -> None:
        if stream_id is not None:  # spliced in, so that the rest of the text stays as it came
            text = '{"stream_id":' + dump(stream_id) + "," + text.lstrip()[1:]
        async with self._sending:
            try:
                await self._socket.send_text(text)
            except Exception:  # noqa: BLE001 - servers differ in what a gone client raises
                self._give_up()
                self._close(1011)

    def _give_up(self) -> None:
        """Start nothing more; tell the running requests that their client left."""
        self._starting = False
        for exchange in self._exchanges:
            exchange.disconnect()
