"""The socket that stands between the client and LiteLLM's own handler."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from .authority import Authenticate, authorize
from .errors import RefusalError, error_event, with_status
from .frames import Create, parse

_TERMINAL = ("response.completed", "response.failed", "response.incomplete", "error")
_TICK = 0.5  # seconds between looks at a turn that outlives the connection's lifetime


@dataclass(frozen=True)
class Options:
    """The overlay's settings as the guard validated them; 0 turns a time off."""

    mode: str
    max_message_bytes: int
    first_message_timeout: float
    session_lifetime: float


def is_legal_close(code: Any) -> bool:
    """Tell whether a server may send this close code (RFC 6455, section 7.4)."""
    return (
        isinstance(code, int)
        and (1000 <= code <= 1014 or 3000 <= code <= 4999)
        and code
        not in (
            1004,
            1005,
            1006,
        )
    )


class Relay:
    """A WebSocket to LiteLLM's handler; passes on only frames whose model the key may use."""

    def __init__(
        self,
        websocket: WebSocket,
        authenticate: Authenticate,
        options: Options,
        default_model: str | None,
    ) -> None:
        self._socket = websocket
        self._authenticate = authenticate
        self._options = options
        self._default_model = default_model
        self._authorized = {default_model} if default_model else set()
        self._first: str | None = None
        self._pending = 0  # turns passed on that have no terminal event yet
        self._began = time.monotonic()
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    async def accept(self, *_args: Any, **_options: Any) -> None:
        """Do nothing: the handshake was answered before the first frame was read."""

    # -- from the client ------------------------------------------------------------------------

    async def first_model(self) -> tuple[str, Any] | None:
        """Read the first turn; return its model and the identity that may use it, or None.

        A bad first frame is answered with an error event and ends the connection.
        """
        timeout = self._options.first_message_timeout or None
        try:
            while True:
                create = self._parse(await asyncio.wait_for(self._receive_in_time(), timeout))
                if create is not None:
                    identity = await authorize(self._socket, self._authenticate, create.model)
                    self._authorized.add(create.model)
                    self._default_model = create.model
                    self._first = create.text
                    return create.model, identity
        except RefusalError as refusal:
            await self._end(refusal.event, refusal.close or 1008)
        except asyncio.TimeoutError:
            message = "No message came in time."
            await self._end(error_event(400, message, code="first_message_timeout"), 1008)
        except WebSocketDisconnect:
            self._closed = True
        return None

    async def receive_text(self) -> str:
        """Return the next frame that may go on; WebSocketDisconnect when the client is gone."""
        if self._first is not None:
            text, self._first = self._first, None
            self._pending += 1
            return text
        while True:
            raw = await self._receive_in_time()
            try:
                create = self._parse(raw)
                if create is not None and create.model not in self._authorized:
                    await authorize(self._socket, self._authenticate, create.model)
                    self._authorized.add(create.model)
            except RefusalError as refusal:
                if refusal.close:
                    await self._end(refusal.event, refusal.close)
                    raise WebSocketDisconnect(refusal.close) from None
                await self._send(json.dumps(refusal.event))
                continue
            if create is not None:
                self._pending += 1
                return create.text

    def _parse(self, raw: str | bytes) -> Create | None:
        return parse(raw, self._default_model, self._options.max_message_bytes)

    async def _receive(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            raise WebSocketDisconnect(message.get("code") or 1006)
        text = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def _receive_in_time(self) -> str | bytes:
        lifetime = self._options.session_lifetime
        while lifetime:
            left = self._began + lifetime - time.monotonic()
            if left <= 0 and not self._pending:
                message = "The connection reached its lifetime; open a new one."
                code = "websocket_connection_limit_reached"
                await self._end(error_event(400, message, code=code), 1001)
                raise WebSocketDisconnect(1001)
            try:
                return await asyncio.wait_for(self._receive(), max(left, _TICK))
            except asyncio.TimeoutError:
                continue
        return await self._receive()

    # -- to the client --------------------------------------------------------------------------

    async def send_text(self, data: str) -> None:
        """Send a server event, an error always with a status."""
        kind, text = with_status(data)
        if kind in _TERMINAL:
            self._pending = max(0, self._pending - 1)
        await self._send(text)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close once, with a legal code and a reason that fits a close frame."""
        if self._closed:
            return
        self._closed = True
        fitting = (reason or "").encode()[:120].decode(errors="ignore")
        try:
            await self._socket.close(code if is_legal_close(code) else 1011, fitting)
        except RuntimeError:  # closed already, by the client
            return

    async def finish(self) -> None:
        """Close what LiteLLM's handler left open: 1011 when it owes the client an answer."""
        await self.close(1011 if self._pending else 1000)

    async def _end(self, event: dict[str, Any], code: int) -> None:
        await self._send(json.dumps(event))
        await self.close(code)

    async def _send(self, text: str) -> None:
        if self._closed:
            return
        try:
            await self._socket.send_text(text)
        except (RuntimeError, WebSocketDisconnect, OSError):
            self._closed = True  # the client left; LiteLLM learns it where it reads
