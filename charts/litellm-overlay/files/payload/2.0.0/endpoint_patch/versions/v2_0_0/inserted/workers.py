"""Handle frames: one task for each busy lane answers them or runs their turns."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from .account import Account
from .application import GRACE, Application
from .asides import refused_event
from .bounds import (
    MAX_EVENT_BYTES,
    MAX_IN_FLIGHT,
    MAX_IN_FLIGHT_BYTES,
    MAX_MEMORY_BYTES,
    MAX_MEMORY_TURNS,
    MAX_STREAM_IDS,
    Room,
)
from .client import Client
from .clocks import Ending
from .errors import RefusalError, internal_error
from .frames import ControlEvent, Create, Frame
from .identity import Key
from .lanes import Lanes
from .memory import Memory
from .process import Process
from .session import Session, Turn, dump
from .turn import Exchange


class Workers:
    """What runs of one connection, and what it remembers between its turns."""

    def __init__(
        self,
        client: Client,
        application: Application,
        wake: asyncio.Event,
        process: Process,
        key: Key,
    ) -> None:
        self._client = client
        self._application = application
        self._wake = wake
        self._key = key
        self._logger = process.logger
        self._keeps_conversations = process.litellm.keeps_conversations
        self.ending: Ending | None = None  # how a frame ends the connection, once no turn runs
        self._gate = process.gate
        self._heartbeat = process.heartbeat
        self._metrics = process.metrics
        self._histories = process.histories
        self.account = Account(process.metrics)
        self._session = Session(
            Memory(MAX_MEMORY_BYTES, MAX_MEMORY_TURNS, process.histories, key.owner)
        )
        self._lanes = Lanes(Room(MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES), MAX_STREAM_IDS)
        self._exchanges: dict[str | None, Exchange] = {}  # one a lane, while its turn runs
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, frame: Frame | ControlEvent, size: int) -> None:
        """Put a frame into its lane, or answer it at once: if it starts no turn or is refused.

        A turn that comes too late is dropped.
        """
        if isinstance(frame, ControlEvent):
            await self._answer(frame)
            return
        if self.ending is not None:
            return
        try:
            opened = self._lanes.put(frame, size)
        except RefusalError as full:  # told at once, out of turn
            self.account.answered("refused")
            await self._client.send_event(full.event, frame.stream_id)
            return
        if opened:
            task = asyncio.ensure_future(self._work(frame.stream_id))
            self._tasks.add(task)
            task.add_done_callback(self._left)

    def finish(self, ending: Ending) -> None:
        """Begin no more turns, and have the connection end so when those that run have ended."""
        self.ending = self.ending or ending
        self._wake.set()

    async def end(self) -> None:
        """Wait for what still runs for a client that left, in the end by cancelling it."""
        tasks = set(self._tasks)
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=GRACE)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._session.close()
            self._metrics.set_history_bytes(self._histories.held)

    def _left(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if self.ending is not None:  # the supervisor waits for the last one
            self._wake.set()

    def _may_begin(self) -> bool:
        leaving = self._client.close_code is not None or self._client.gone.is_set()
        return self.ending is None and not leaving

    async def _work(self, stream_id: str | None) -> None:
        """Handle a lane's frames in order; ends with the lane."""
        with contextlib.closing(self._lanes.frames(stream_id)) as frames:
            for frame in frames:
                if not self._may_begin():
                    return
                try:
                    await self._handle(frame, stream_id)
                except Exception:  # a turn always ends with an event, even after a bug of ours
                    self._logger.exception("responses websocket: the turn could not be run")
                    await self._client.send_event(internal_error(), stream_id)

    async def _answer(self, aside: ControlEvent) -> None:
        """Do what an event that starts no turn asks for, or say that it cannot be done.

        Its lane's turn goes on and ends with a terminal event of its own.
        """
        running = self._exchanges.get(aside.stream_id)
        if aside.cancels(running.ids if running and not running.over else None) and running:
            await self._application.cancel(running)
        else:
            await self._client.send_event(refused_event(aside), aside.stream_id)

    async def _handle(self, frame: Frame, stream_id: str | None) -> None:
        try:
            if isinstance(frame, RefusalError):
                raise frame
            await self._begin(frame, stream_id)
        except RefusalError as refusal:
            self.account.answered("refused")
            await self._client.send_event(refusal.event, stream_id)
            if refusal.close:
                self.finish(Ending(refusal.close))
        finally:
            self._metrics.set_history_bytes(self._histories.held)

    async def _begin(self, create: Create, stream_id: str | None) -> None:
        """Run a turn or answer a warm-up, as soon as its body may be built."""
        size = self._session.body_size(create)
        with self._session.pinned(create):
            async with self._gate.slot(self._key.owner, size) as begun:
                if not self._may_begin():
                    return
                turn = self._session.begin(create)
                # LiteLLM parses the text into its own objects; both would be twice the memory.
                create.body.clear()
                create.texts.clear()
                if isinstance(turn, Turn):
                    await self._run(turn, begun, stream_id)
                    return
        self.account.answered("warm_up")
        for event in turn:
            await self._client.send_event(event, stream_id)

    async def _run(self, turn: Turn, begun: Callable[[], None], stream_id: str | None) -> None:
        async def emit(event: dict[str, Any], text: str) -> None:
            try:
                turn.observe(event, exchange.provider)
            except Exception:  # the answer matters more than its memory
                self._logger.exception("responses websocket: an event could not be remembered")
            await self._client.send(text, stream_id)

        asked_for = None if self._keeps_conversations() else turn.added.root
        exchange = Exchange(turn.take_body(), emit, MAX_EVENT_BYTES, asked_for)
        exchange.begun = begun
        exchange.heartbeat = self._heartbeat
        self._exchanges[stream_id] = exchange
        try:
            await self._application.post(exchange)
        finally:
            del self._exchanges[stream_id]
            report = exchange.report()
            self.account.turn(report)
            if self._logger.isEnabledFor(logging.INFO):
                self._logger.info("responses websocket: turn %s", dump(report))
        # A good key's turn can be refused with the same words, for what its body asks.
        if exchange.lost_identity and await self._key.is_refused():
            self.finish(Ending(1008))
