"""Many light sessions that behave as Codex does, all in one thread, and counts of their turns."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from e2e.kit.stories import until
from litellm_overlay.local.mock_provider import last_user_text
from support.client import TERMINAL, connect

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence
    from typing import Any

    from websockets.asyncio.client import ClientConnection

    from e2e.kit.stories import Door, Json

TRIES = 5  # handshakes in a row, as Codex makes
SILENCE = 120.0  # seconds without an event after which a turn counts as hung


class Session:
    """A session that makes named turns on one connection until `stop` is set.

    If a connection ends before a turn's first event, the turn is sent again on another, as Codex
    does. `ended` maps a turn's name to the type of its last event ("cut" or "silent" without one)
    and the text received.
    """

    def __init__(self, number: int, door: Door, key: str, says: list[str], pause: float) -> None:
        self.number, self.door, self.key, self.says, self.pause = number, door, key, says, pause
        self.started: dict[str, str] = {}
        self.ended: dict[str, tuple[str, str]] = {}
        self.handshakes = 0

    async def work(self, stop: threading.Event) -> None:
        """Make turns until `stop` is set; the last one ends too."""
        socket = await self._connect()
        while not stop.is_set():
            count = len(self.started)
            name, text = f"turn-{self.number}-{count}", self.says[count % len(self.says)]
            self.started[name] = text
            while not (ending := await self._turn(socket, f"{name}: {text}")):
                socket = await self._connect()
            self.ended[name] = ending
            await asyncio.sleep(self.pause)
        await socket.close()

    async def _connect(self) -> ClientConnection:
        for left in reversed(range(TRIES)):
            self.handshakes += 1
            try:
                return await connect(f"{self.door.ws_url}/v1/responses", self.key)
            except (OSError, InvalidHandshake):
                if not left:
                    raise
                await asyncio.sleep(0.2 * 2 ** (TRIES - left))
        raise AssertionError

    async def _turn(self, socket: ClientConnection, text: str) -> tuple[str, str] | None:
        """Return (last event's type, text), or None if the connection ended before any event."""
        item = {"type": "message", "role": "user", "content": text}
        create = {"type": "response.create", "model": "gpt-5.4", "store": False, "input": [item]}
        heard, kind = "", ""
        try:
            await socket.send(json.dumps(create))
            while kind not in TERMINAL:
                event = json.loads(await asyncio.wait_for(socket.recv(), SILENCE))
                kind = event["type"]
                heard += event["delta"] if kind == "response.output_text.delta" else ""
        except ConnectionClosed:
            return ("cut", heard) if kind else None
        except asyncio.TimeoutError:  # not the built-in one before Python 3.11
            return "silent", heard
        return kind, heard


def work(sessions: list[Session], stop: threading.Event) -> None:
    """Run all sessions in this thread until `stop` is set."""

    async def all_of_them() -> None:
        await asyncio.gather(*(session.work(stop) for session in sessions))

    asyncio.run(all_of_them())


def wait_for_a_turn_each(workers: Sequence[Any]) -> None:
    """Wait until each worker has ended one more turn; a worker's `ended` has them by name."""
    before = {worker: len(worker.ended) for worker in workers}
    until(lambda: all(len(worker.ended) > before[worker] for worker in workers), "a turn of each")


def calls_by_turn(provider_log: Iterable[Json], turns: Iterable[str]) -> Counter[str]:
    """Return {turn name: number of provider calls} for the given turns."""
    texts = [
        last_user_text(record["body"])[0]
        for record in provider_log
        if record["kind"] == "request" and record["body"]
    ]
    wanted = set(turns)
    named = (name for text in texts for name in re.findall(r"turn-\d+-\d+", text))
    return Counter(name for name in named if name in wanted)
