"""One connection from its accept to its close: it reads frames for the workers and ends well."""

import asyncio
import time
from dataclasses import dataclass

from starlette.websockets import WebSocket

from .application import Application
from .bounds import SMALL_BYTES, Allowance
from .client import Client
from .clocks import Clocks, Ending
from .errors import RefusalError, error_event
from .frames import ControlEvent, Create, parse_message, size_in_bytes
from .identity import Key
from .process import Process
from .session import dump
from .workers import Workers


@dataclass(frozen=True)
class Options:
    """What the overlay's settings say of one connection; 0 turns a time off."""

    mode: str
    max_message_bytes: int
    first_message_timeout: float
    session_lifetime: float


class Bridge:
    """Serves one accepted WebSocket until the client, a limit or a drain ends it."""

    def __init__(
        self,
        websocket: WebSocket,
        default_model: str | None,
        options: Options,
        process: Process,
        key: Key,
    ) -> None:
        self._default_model = default_model
        self._max_message_bytes = options.max_message_bytes
        self._clocks = Clocks(options.session_lifetime, options.first_message_timeout)
        self._allowance = Allowance(process.allowances.clock)
        self._process = process
        self._owner = key.owner
        self._wake = asyncio.Event()  # set when the supervisor must check the connection
        self._client = Client(websocket, self._wake)
        self._application = Application(websocket.scope, process.logger)
        self._workers = Workers(self._client, self._application, self._wake, process, key)

    async def run(self) -> None:
        """Serve; returns when the connection is closed and every task has ended."""
        reader = asyncio.ensure_future(self._read())
        reader.add_done_callback(lambda _: self._wake.set())
        self._process.drain.join(self._drained)
        try:
            await self._supervise(reader)
        finally:
            self._process.drain.leave(self._drained)
            await self._end(reader)

    def _drained(self) -> None:
        self._workers.finish(Ending(1012))

    async def _read(self) -> None:
        while await self._read_one():
            pass

    async def _read_one(self) -> bool:
        """Read a message; an idle connection holds none, so its text ends with this call."""
        raw = await self._client.receive()
        if raw is None:
            return False
        size = size_in_bytes(raw)
        if self._workers.ending is not None and size > SMALL_BYTES:
            return True  # no turn begins any more; running ones may still be cancelled
        of_key = self._process.allowances.for_key(self._owner)
        if size > SMALL_BYTES and of_key.in_debt():
            self._workers.finish(_too_much())
            return True
        began = time.thread_time()
        frame = parse_message(raw, size, self._max_message_bytes, self._default_model)
        spent = time.thread_time() - began
        if not isinstance(frame, Create) or frame.warm_up:
            for allowance in (self._allowance, of_key):
                # A warm-up's bytes are kept as history, which has a budget of its own.
                allowance.charge(0 if isinstance(frame, Create) else size, spent)
        is_dear = not isinstance(frame, Create) and self._allowance.in_debt()
        if is_dear and isinstance(frame, ControlEvent):  # it would be answered at once
            self._workers.finish(_too_much())
            return True
        if frame is not None:
            await self._workers.take(frame, size)
        if is_dear and isinstance(frame, RefusalError):
            self._workers.finish(_too_much())
        return True

    async def _supervise(self, reader: "asyncio.Task[None]") -> None:
        """Wait for what ends the connection; nothing runs meanwhile."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            self._wake.clear()
            age = clock() - began
            if self._workers.ending is None:
                due = self._clocks.ending(age, heard=self._client.heard)
                if due is not None:
                    self._workers.finish(due)
            ending = self._workers.ending
            if reader.done() or self._client.close_code is not None:
                return
            if ending is not None and not self._application.running:
                if ending.event is not None:
                    await self._client.send_event(ending.event)
                self._client.request_close(ending.code)
                return
            rest = None if ending else self._clocks.seconds_left(age, heard=self._client.heard)
            await self._woken(rest)

    async def _woken(self, seconds: float | None) -> None:
        """Return when something happened, or after so many seconds."""
        timer = None
        if seconds is not None:
            timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _end(self, reader: "asyncio.Task[None]") -> None:
        """Cancel what runs, first as a leaving HTTP client would, and wait for all of it."""
        if reader.done() and not reader.cancelled() and reader.exception():
            self._process.logger.error(
                "responses websocket: reading failed", exc_info=reader.exception()
            )
            self._client.request_close(1011)
        try:
            self._application.client_left()
            await self._client.close()
            reader.cancel()
            await self._workers.end()
            await asyncio.gather(reader, return_exceptions=True)
        finally:
            code = self._client.left_code or self._client.close_code or 1000
            summary = self._workers.account.close(code, self._owner)
            self._process.logger.info("responses websocket: session %s", dump(summary))


def _too_much() -> Ending:
    message = "Messages that start no turn took too many bytes or too much time; wait a minute."
    event = error_event(429, message, code="rate_limit_exceeded", error_type="rate_limit_error")
    return Ending(1008, event)
