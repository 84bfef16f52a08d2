"""Many people at one proxy, over WebSocket or over HTTP: each makes turns, and each turn has a name.

The name is the first word of what a person says and the `user` of the request, so that it is found
again in the provider's log and in LiteLLM's spend rows.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from websockets.exceptions import ConnectionClosed

from support.client import TERMINAL, connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from support.database import LocalProxy

MODEL = "managed-5.4"  # over HTTP at the provider, by either way in
NAMES = itertools.count(1)
SILENCE = 60.0  # seconds after which a turn has hung
ENDINGS = ("completed", "told", "cut", "silent")


@dataclass
class Turn:
    """A turn and what came of it.

    `ending` is "completed"; "told", by an event or a status; "cut", the connection ended first; or
    "silent", nothing came for SILENCE seconds. Times are of time.monotonic().
    """

    name: str
    began: float = field(default_factory=time.monotonic)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    ending: str = "silent"
    ended: float = 0.0
    response: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return self.ended - self.began

    def end(self, ending: str) -> None:
        """Write down how it ended, and when."""
        self.ending, self.ended = ending, time.monotonic()

    def end_with(self, event: dict[str, Any]) -> None:
        """Write down the terminal event."""
        self.response = event.get("response") or {}
        self.end("completed" if event["type"] == "response.completed" else "told")


def request(text: str, name: str, before: Sequence[Any] = (), **fields: Any) -> dict[str, Any]:
    """Return a request of that name that says this, after the items of `before`."""
    item = {"type": "message", "role": "user", "content": f"{name}: {text}"}
    return {"model": MODEL, "store": False, "input": [*before, item], "user": name, **fields}


class Person:
    """Somebody with a key, who waits for `pause` seconds between events.

    `way` is "websocket", "http", or "stock": the WebSocket of an unpatched proxy.
    """

    def __init__(self, proxy: LocalProxy, key: str, way: str, *, port: int | None = None) -> None:
        self.key, self.way = key, way
        self.query = f"?model={MODEL}" if way == "stock" else ""
        port = port or proxy.server.port
        self.url = f"://127.0.0.1:{port}"
        self.pause = 0.0
        self.turns: list[Turn] = []
        self._stack = contextlib.AsyncExitStack()
        self._socket: Any = None
        self._client: Any = None

    async def __aenter__(self) -> Self:
        if self.way != "http":
            # No ping of the client's own: what is looked at is what the server does.
            told: dict[str, Any] = {
                "open_timeout": SILENCE,
                "ping_interval": None,
                "close_timeout": 1,
            }
            opened = connect(f"ws{self.url}/v1/responses{self.query}", self.key, None, **told)
            self._socket = await self._stack.enter_async_context(opened)
        else:
            headers = {"Authorization": f"Bearer {self.key}"}
            client = httpx.AsyncClient(headers=headers, timeout=SILENCE, trust_env=False)
            self._client = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def turn(self, text: str, **fields: Any) -> Turn:
        """Say something; return the turn once it has ended."""
        made = self.begin(text, **fields)
        await made[1]
        return made[0]

    def begin(self, text: str, **fields: Any) -> tuple[Turn, asyncio.Task[None]]:
        """Say something; return the turn, and the task that ends with it."""
        turn = Turn(f"turn-{next(NAMES)}")
        self.turns.append(turn)
        make = self._over_http if self.way == "http" else self._over_websocket
        return turn, asyncio.ensure_future(make(turn, request(text, turn.name, **fields)))

    async def _over_websocket(self, turn: Turn, body: dict[str, Any]) -> None:
        try:
            await self._socket.send(json.dumps({"type": "response.create", **body}))
            while True:
                event = json.loads(await asyncio.wait_for(self._socket.recv(), SILENCE))
                turn.answering.set()
                if event["type"] in TERMINAL:
                    return turn.end_with(event)
                await asyncio.sleep(self.pause)
        except ConnectionClosed:
            turn.end("cut")
        except TimeoutError:
            turn.end("silent")

    async def _over_http(self, turn: Turn, body: dict[str, Any]) -> None:
        asked = self._client.stream(
            "POST", f"http{self.url}/v1/responses", json={**body, "stream": True}
        )
        try:
            async with asked as answer:
                if answer.status_code != 200:
                    return turn.end("told")
                async for line in answer.aiter_lines():
                    if not line.startswith("data: {"):
                        continue
                    turn.answering.set()
                    event = json.loads(line[6:])
                    if event.get("type") in TERMINAL or "error" in event:
                        return turn.end_with({"type": "error", **event})
            turn.end("cut")
        except httpx.TimeoutException:
            turn.end("silent")
        except httpx.TransportError:
            turn.end("cut")


@dataclass
class Tally:
    """What came of many turns; `slowest` is in seconds after the fault.

    `unbilled` have completed and left no spend row.
    """

    endings: collections.Counter[str]
    called_twice: int
    unbilled: int
    billed_twice: int
    slowest: float

    def row(self) -> list[str]:
        """Return the columns of a table."""
        counts = [self.endings[ending] for ending in ENDINGS]
        counts += [self.called_twice, self.unbilled, self.billed_twice]
        return [*map(str, counts), f"{self.slowest:.1f}"]


COLUMNS = [*ENDINGS, "called twice", "unbilled", "billed twice", "slowest, s"]


def tally(
    turns: Iterable[Turn], called: Mapping[str, int], billed: Mapping[str, int], since: float
) -> Tally:
    """Count turns, by name: how often the provider was called, and how many spend rows there are."""
    turns = list(turns)
    assert all(called.get(turn.name) for turn in turns), "turns that the provider has not seen"
    return Tally(
        collections.Counter(turn.ending for turn in turns),
        sum(called[turn.name] > 1 for turn in turns),
        sum(turn.ending == "completed" and not billed.get(turn.name) for turn in turns),
        sum(billed.get(turn.name, 0) > 1 for turn in turns),
        max(turn.ended - since for turn in turns),
    )


def calls(log: Path) -> collections.Counter[str]:
    """Return how often the provider was asked for each turn, by its log."""
    return collections.Counter(asked(entries(log)).values())


def left(log: Path) -> set[str]:
    """Return the turns of which the provider has seen that nobody listens any more."""
    all_of_it = entries(log)
    gone = {entry["conn"] for entry in all_of_it if entry["kind"] == "client_gone"}
    return {name for conn, name in asked(all_of_it).items() if conn in gone}


def entries(log: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a provider's log."""
    return [
        json.loads(line) for line in log.read_text().splitlines(keepends=True) if line[-1] == "\n"
    ]


def asked(log: list[dict[str, Any]]) -> dict[int, str]:
    """Return the name of the turn that each request to the provider was made for, by its number."""
    names = {}
    for entry in log:
        if entry["kind"] == "request" and entry["method"] == "POST":
            said = json.dumps(entry["body"].get("input") or entry["body"].get("messages"))
            # The last name is the turn's own; those before it are its history.
            names[entry["conn"]] = "turn-" + said.rpartition("turn-")[2].partition(":")[0]
    return names
