"""Measure the bytes that a client sends in a long session, over WebSocket and over HTTP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench_kit import HEADERS, ask, create, socket
from figures import Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_overlay.local import processes

TURNS, SAID = 60, 20_000  # turns, and the bytes that each adds
MB = 1_000_000


class Meter:
    """A TCP relay to a server, which counts the bytes that clients send."""

    def __init__(self, port: int) -> None:
        self.port, self.sent = port, 0
        self.joined: set[asyncio.Task[None] | None] = set()

    async def join(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Copy both ways until either end closes."""
        self.joined.add(asyncio.current_task())
        far, on = await asyncio.open_connection("127.0.0.1", self.port)
        ways = {
            asyncio.ensure_future(self._copy(near, on, count=True)),
            asyncio.ensure_future(self._copy(far, back, count=False)),
        }
        with contextlib.suppress(OSError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for end in (on, back):
            end.close()
        await asyncio.gather(*ways, return_exceptions=True)

    async def _copy(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, count: bool
    ) -> None:
        while chunk := await source.read(65536):
            self.sent += len(chunk) if count else 0
            target.write(chunk)
            await target.drain()


@contextlib.asynccontextmanager
async def metered(proxy: processes.Server) -> AsyncIterator[tuple[Meter, processes.Server]]:
    """Yield a meter in front of a proxy, and the proxy's Server with the meter's port."""
    meter = Meter(proxy.port)
    async with await asyncio.start_server(meter.join, "127.0.0.1", 0) as server:
        yield meter, replace(proxy, port=server.sockets[0].getsockname()[1])
        await asyncio.gather(
            *filter(None, meter.joined)
        )  # else the loop's end cancels them, with warnings


def items() -> list[dict[str, Any]]:
    """Return one message per turn, of text that hardly compresses."""
    chance = random.Random(0)  # noqa: S311 - the same in each run
    return [
        {"type": "message", "role": "user", "content": base64.b64encode(made).decode()}
        for made in (chance.randbytes(SAID * 3 // 4) for _ in range(TURNS))
    ]


async def over_websocket(proxy: processes.Server) -> None:
    """Make the session on one WebSocket: each turn refers to the last, and adds its item."""
    previous: dict[str, str] = {}
    async with socket(proxy, compression=None) as connection:
        for item in items():
            event = await ask(connection, create(model="gpt-4o", input=[item], **previous))
            previous = {"previous_response_id": done(event)["id"]}


def over_http(proxy: processes.Server) -> None:
    """Make the session over HTTP: each turn repeats the whole history."""
    history: list[dict[str, Any]] = []
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
    for item in items():
        history.append(item)
        body = json.dumps({"model": "gpt-4o", "store": False, "input": history})
        headers = {**HEADERS, "Content-Type": "application/json"}
        connection.request("POST", "/v1/responses", body, headers)
        answer = json.loads(connection.getresponse().read())
        history += done({"type": f"response.{answer.get('status')}", "response": answer})["output"]
    connection.close()


def done(event: dict[str, Any]) -> dict[str, Any]:
    """Return the response in a turn's last event; SystemExit unless it completed."""
    if event["type"] != "response.completed":
        raise SystemExit(f"the turn did not complete: {event}")
    response: dict[str, Any] = event["response"]
    return response


async def wire(proxy: processes.Server, _stock: processes.Server, _options: Any) -> dict[str, Row]:
    """Print the bytes of both sessions, with headers and frames, uncompressed; return the row."""
    async with metered(proxy) as (meter, behind):
        await over_websocket(behind)
        ours, meter.sent = meter.sent / MB, 0
        await asyncio.to_thread(over_http, behind)
        theirs = meter.sent / MB
    print(f"{TURNS} turns that add {SAID // 1000} kB each, client to proxy, not compressed")
    print(f"  WebSocket {ours:.2f} MB, HTTP {theirs:.2f} MB, ratio {ours / theirs:.3f}")
    what = f"bytes from client to proxy, {TURNS} turns of {SAID // 1000} kB: WebSocket / HTTP"
    return {"wire": Row(what, ours, theirs, "MB")}
