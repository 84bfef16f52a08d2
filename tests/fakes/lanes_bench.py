"""A fake client and a fake application for tests of the bridge's workers."""

import asyncio
import logging
from typing import Any, cast

from endpoint_patch.versions.v2_0_0.inserted.frames import Create
from endpoint_patch.versions.v2_0_0.inserted.identity import Key
from endpoint_patch.versions.v2_0_0.inserted.process import LiteLLM, Process
from endpoint_patch.versions.v2_0_0.inserted.workers import Workers


class Client:
    """A client that keeps the events and texts sent to it, with their stream ids."""

    def __init__(self):
        self.gone = asyncio.Event()
        self.told = []
        self.close_code = None

    async def send_event(self, event, stream_id=None):
        self.told.append((event.get("error", event).get("code"), stream_id))

    async def send(self, text, stream_id):
        self.told.append((text, stream_id))

    def request_close(self, code):
        self.close_code = code


class Application:
    """An application that keeps the posted bodies. Each turn waits for `gate`, then runs `turn`."""

    def __init__(self):
        self.posted = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.lost_identity = False

    async def post(self, exchange):
        self.posted.append(exchange._body)
        await self.gate.wait()
        exchange.begun()
        await self.turn(exchange._emit)
        exchange.lost_identity = self.lost_identity

    async def turn(self, emit):
        await emit({"type": "response.completed"}, "the event's text")


def a_process(history_bytes=1 << 20):
    logger = logging.getLogger("workers")
    return Process(
        LiteLLM(lambda: None, lambda: False, lambda: True),
        logger,
        drain_file="",
        history_bytes=history_bytes,
    )


class Bench:
    """Workers with a fake client and a fake application."""

    def __init__(self, process=None, owner=b"owner"):
        self.client = cast("Any", Client())
        self.application = cast("Any", Application())
        self.wake = asyncio.Event()
        self.key_is_refused = False
        self.workers = Workers(
            self.client,
            self.application,
            self.wake,
            process or a_process(),
            Key(owner, self.check_key),
        )

    async def check_key(self):
        return self.key_is_refused

    async def take(self, *frames):
        for frame in frames:
            await self.workers.take(frame, 1)

    async def settled(self):
        while self.workers._tasks:
            await asyncio.wait(set(self.workers._tasks))


def create(stream_id=None, *, warm_up=False, size=0, **fields):
    return Create({"model": "m", **fields}, stream_id, warm_up=warm_up, size=size)
