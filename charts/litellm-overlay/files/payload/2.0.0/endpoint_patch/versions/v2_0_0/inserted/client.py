"""The WebSocket of one connection: receive messages, send events, close it."""

import asyncio
import contextlib
from typing import Any

from starlette.websockets import WebSocket

from .session import dump


class Client:
    """One accepted WebSocket; nothing but this reads it, sends on it or closes it."""

    def __init__(self, websocket: WebSocket, wake: asyncio.Event) -> None:
        self.heard = False
        self.gone = (
            asyncio.Event()
        )  # set once nothing can be sent any more; running requests watch it
        self.close_code: int | None = None  # once set, the connection is to be closed
        self.left_code: int | None = None  # with which it ended before we closed it
        self._socket = websocket
        self._sending = asyncio.Lock()
        self._wake = wake  # has the supervisor look at `close_code`

    async def receive(self) -> str | bytes | None:
        """Return the next message, or None when none is to be read any more."""
        if self.close_code is not None:
            return None
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            self.left_code = message.get("code") or 1005
            return None
        self.heard = True
        raw: str | bytes | None = message.get("text")
        return raw if raw is not None else message.get("bytes") or b""

    async def send_event(self, event: dict[str, Any], stream_id: str | None = None) -> None:
        """Send an event that the bridge made itself; `stream_id` is the lane it belongs to."""
        await self.send(dump(event), stream_id)

    async def send(self, text: str, stream_id: str | None) -> None:
        """Send an event's JSON text, marked with its lane; a client that is gone is no error."""
        if stream_id is not None:  # spliced in, so that the rest of the text stays as it came
            text = '{"stream_id":' + dump(stream_id) + "," + text.lstrip()[1:]
        async with self._sending:
            try:
                await self._socket.send_text(text)
            except Exception:  # noqa: BLE001 - servers differ in what a gone client raises
                self.gone.set()
                self.request_close(1011)

    def request_close(self, code: int) -> None:
        """Ask the connection's supervisor to close it with this code."""
        self.close_code = code
        self._wake.set()

    async def close(self) -> None:
        """Close the connection, now; running requests hear that their client left."""
        self.gone.set()
        with contextlib.suppress(Exception):  # closed already, by whichever side
            await self._socket.close(self.close_code or 1000)
