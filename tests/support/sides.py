"""The three sides of every row: 2.0.0 over WebSocket, 2.0.0 over HTTP, stock's WebSocket."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.turns import Answer, Post, Socket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.database import Proxy

SECONDS = 40
WRITER_SECONDS = 7  # LiteLLM writes spend within 6 s: database.py


@dataclass(frozen=True)
class Side:
    """One of the three sides, and its proxy."""

    name: str
    proxy: Proxy

    def talk(self, key: str, model: str = "gpt-4o") -> Socket | Post:
        """Return a connection for turns. Stock needs `model` in its URL."""
        if self.name == "http":
            return Post(self.proxy, key)
        return Socket(self.proxy, key, f"?model={model}" if self.name == "stock" else "")

    async def key(self, **fields: Any) -> str:
        """Return a new key."""
        return str((await self.proxy.admin("/key/generate", **fields))["key"])

    async def written(self, key: str, count: int) -> list[dict[str, Any]]:
        """Return a key's spend rows in order, once LiteLLM has written `count`.

        Stock writes one row per connection, so there this waits the longest time that a write can
        take.
        """
        if self.name == "stock":
            await asyncio.sleep(WRITER_SECONDS)
            return await spend_rows(self.proxy, key)
        deadline = time.monotonic() + SECONDS
        while len(rows := await spend_rows(self.proxy, key)) < count:
            assert time.monotonic() < deadline, f"{len(rows)} of {count} spend rows: {self}"
            await asyncio.sleep(0.3)
        return rows


Outcomes = dict[str, list[Answer]]


def token(key: str) -> str:
    """Return the hash by which the database knows a key."""
    return hashlib.sha256(key.encode()).hexdigest()


async def spend_rows(proxy: Proxy, key: str) -> list[dict[str, Any]]:
    """Return the spend rows of a key, in the order of their turns."""
    query = """SELECT * FROM "LiteLLM_SpendLogs" WHERE api_key = :'token' ORDER BY "startTime" """
    return await asyncio.to_thread(proxy.rows, query, token=token(key))


async def run(sides: list[Side], scenario: Callable[[Side], Awaitable[list[Answer]]]) -> Outcomes:
    """Run a scenario on all sides at once; return {side: answers}. Each side has its own keys."""
    answers = await asyncio.gather(*map(scenario, sides))
    return {side.name: answer for side, answer in zip(sides, answers, strict=True)}
