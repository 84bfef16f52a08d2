"""A client that makes turns on a proxy and reports each outcome in a few words."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.client import TERMINAL, connect, hear

if TYPE_CHECKING:
    from typing_extensions import Self

    from support.fleet import Live

Words = str
HTTP = "http"


class Client:
    """A client that makes turns over one WebSocket or by POST, and reports outcomes in words.

    After `patience` seconds without an event a turn's outcome is "silence".
    """

    def __init__(self, live: Live, patience: float, way: str, key: str | None = None) -> None:
        self.live, self.patience, self.way = live, patience, way
        self.key = key or live.new_key()
        self.socket: Any = None
        self.refused: Words = ""
        self.last: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        if self.way != HTTP:
            try:
                self.socket = await connect(self.live.ws_url, self.key, open_timeout=60)
            except InvalidStatus as refusal:
                self.refused = f"handshake {refusal.response.status_code}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.socket is not None:
            self.socket.transport.abort()  # a proxy that hangs does not answer a close
            await self.socket.wait_closed()

    async def turn(self, **fields: Any) -> Words:
        """Make a turn; return its outcome.

        The outcome is "turn" if it completes, a status, "error without status", the type of another
        terminal event, "closed N", "silence", or "handshake N" if there is no connection.
        """
        body = {"model": "gpt-4o", "input": "hi", "store": False, **fields}
        if self.refused:
            return self.refused
        if self.way == HTTP:
            return await self._post(body)
        return await self.say(json.dumps({"type": "response.create", **body}))

    async def say(self, frame: str | bytes) -> Words:
        """Send a frame as it is; return its outcome."""
        try:
            await self.socket.send(frame)
            while True:
                self.last = await hear(self.socket, self.patience)
                if self.last["type"] in TERMINAL:
                    return self._in_words()
        except ConnectionClosed as closed:
            return f"closed {closed.rcvd.code if closed.rcvd else 1006}"
        except asyncio.TimeoutError:
            return "silence"

    async def _post(self, body: dict[str, Any]) -> Words:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            url = f"{self.live.proxy.url}/v1/responses"
            answer = await client.post(url, json={**body, "stream": True}, headers=headers)
        if answer.status_code != 200:
            return str(answer.status_code)
        data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
        self.last = json.loads(data[-1])
        return self._in_words()

    def _in_words(self) -> Words:
        kind = self.last["type"]
        if kind == "error":
            return str(self.last.get("status") or "error without status")
        return "turn" if kind == "response.completed" else kind

    @property
    def response_id(self) -> str:
        """Return the id of the last response; "" if there was none."""
        return str((self.last.get("response") or {}).get("id") or "")
