"""Many people at one proxy, over WebSocket or HTTP, who make turns; each turn has a name.

The name is the first word of the person's text and the request's `user`. It identifies the turn in
the provider's log and in LiteLLM's spend rows.
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

MODEL = "managed-5.4"  # the provider is called over HTTP, whether a person uses WebSocket or HTTP
NAMES = itertools.count(1)
SILENCE = 60.0  # seconds after which a turn has hung
ENDINGS = ("completed", "told", "cut", "silent")


@dataclass
class Turn:
    """A turn and how it ended.

    `ending` is one of:
    - "completed";
    - "told": an event or a status reported a failure;
    - "cut": the connection ended first;
    - "silent": nothing came for SILENCE seconds.

    `began` and `ended` are values of time.monotonic().
    """

    name: str
    began: float = field(default_factory=time.monotonic)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    ending: str = "silent"
    ended: float = 0.0
    response: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Return the turn's duration."""
        return self.ended - self.began

    def end(self, ending: str) -> None:
        """Record how the turn ended, and when."""
        self.ending, self.ended = ending, time.monotonic()

    def end_with(self, event: dict[str, Any]) -> None:
        """Record the terminal event."""
        self.response = event.get("response") or {}
        self.end("completed" if event["type"] == "response.completed" else "told")


def request(text: str, name: str, before: Sequence[Any] = (), **fields: Any) -> dict[str, Any]:
    """Return a request body with this name and text, after the items of `before`."""
    item = {"type": "message", "role": "user", "content": f"{name}: {text}"}
    return {"model": MODEL, "store": False, "input": [*before, item], "user": name, **fields}


class Person:
    """Somebody with a key, who waits for `pause` seconds after each event.

    `way` is "websocket", "http", or "stock", the WebSocket of an unpatched proxy.
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
            # The client sends no ping of its own: the test is about the server's behaviour.
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
        """Send a turn's request; return the turn once it has ended."""
        made = self.begin(text, **fields)
        await made[1]
        return made[0]

    def begin(self, text: str, **fields: Any) -> tuple[Turn, asyncio.Task[None]]:
        """Send a turn's request; return the turn, and a task that ends with it."""
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
        except asyncio.TimeoutError:  # not the built-in one before Python 3.11
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
    """The counts of many turns.

    `unbilled` turns completed and left no spend row. `slowest` is in seconds after the fault.
    """

    endings: collections.Counter[str]
    called_twice: int
    unbilled: int
    billed_twice: int
    slowest: float

    def row(self) -> list[str]:
        """Return the cells of a table row, in the order of COLUMNS."""
        counts = [self.endings[ending] for ending in ENDINGS]
        counts += [self.called_twice, self.unbilled, self.billed_twice]
        return [*map(str, counts), f"{self.slowest:.1f}"]


COLUMNS = [*ENDINGS, "called twice", "unbilled", "billed twice", "slowest, s"]


def tally(
    turns: Iterable[Turn], called: Mapping[str, int], billed: Mapping[str, int], since: float
) -> Tally:
    """Return the counts of turns, of their provider calls and of their spend rows.

    `called` and `billed` are counts by turn name, `since` is when the fault began. Fails if the
    provider never saw a turn.
    """
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
    """Return {turn name: number of requests to the provider}, from its log."""
    return collections.Counter(asked(entries(log)).values())


def left(log: Path) -> set[str]:
    """Return the names of the turns whose client left the provider early."""
    all_of_it = entries(log)
    gone = {entry["conn"] for entry in all_of_it if entry["kind"] == "client_gone"}
    return {name for conn, name in asked(all_of_it).items() if conn in gone}


def entries(log: Path) -> list[dict[str, Any]]:
    """Return the complete lines of a provider's log as dicts."""
    return [
        json.loads(line) for line in log.read_text().splitlines(keepends=True) if line[-1] == "\n"
    ]


def asked(log: list[dict[str, Any]]) -> dict[int, str]:
    """Return {request number: name of its turn} for the POST requests in a provider's log."""
    names = {}
    for entry in log:
        if entry["kind"] == "request" and entry["method"] == "POST":
            said = json.dumps(entry["body"].get("input") or entry["body"].get("messages"))
            # The last name is the turn's own; those before it are its history.
            names[entry["conn"]] = "turn-" + said.rpartition("turn-")[2].partition(":")[0]
    return names
