"""A bare WebSocket client for tests: sends any frame, valid or not."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Mapping

TERMINAL = {
    "response.completed",
    "response.failed",
    "response.incomplete",
    "response.cancelled",
    "error",
}

SILENCE = 150  # seconds without an event after which a turn counts as hung


def connect(
    url: str, key: str | None = "sk-1234", headers: Mapping[str, str] | None = None, **options: Any
) -> websockets_connect:
    """Return a connection like Codex's: the key as a bearer token, no limit on message size."""
    bearer = {"Authorization": f"Bearer {key}"} if key else {}
    options = {"max_size": None, "proxy": None, **options}
    return websockets_connect(url, additional_headers={**bearer, **(headers or {})}, **options)


async def receive_turn(socket: ClientConnection) -> list[dict[str, Any]]:
    """Return the events up to and including the one that ends the turn."""
    events = [await hear(socket, SILENCE)]
    while events[-1]["type"] not in TERMINAL:
        events.append(await hear(socket, SILENCE))
    return events


async def turn(socket: ClientConnection, **fields: Any) -> list[dict[str, Any]]:
    """Send a flat `response.create` with these fields; return the events of its turn."""
    await socket.send(json.dumps({"type": "response.create", **fields}))
    return await receive_turn(socket)


async def say(socket: ClientConnection, event: dict[str, Any] | str | bytes) -> None:
    """Send a dict as JSON, and text or bytes as they are."""
    await socket.send(json.dumps(event) if isinstance(event, dict) else event)


async def hear(socket: ClientConnection, timeout: float = 5) -> dict[str, Any]:
    """Return the next event; raises asyncio.TimeoutError after `timeout` seconds."""
    event: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), timeout))
    return event


async def close_code(socket: ClientConnection, timeout: float = 5) -> int:
    """Return the server's close code; fail if an event comes first. 1006 stands for no code."""
    with pytest.raises(ConnectionClosed) as caught:
        await asyncio.wait_for(socket.recv(), timeout)
    return caught.value.rcvd.code if caught.value.rcvd else 1006


def said(events: list[dict[str, Any]]) -> str:
    """Return the text of a turn; fail unless it completed."""
    assert events[-1]["type"] == "response.completed", events[-1]
    output = events[-1]["response"]["output"]
    return "".join(part["text"] for item in output for part in item.get("content") or [])
