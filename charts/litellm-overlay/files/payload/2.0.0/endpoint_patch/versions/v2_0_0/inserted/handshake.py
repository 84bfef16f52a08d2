"""Accept or refuse a WebSocket handshake, and tell a refused client why."""

import asyncio
import contextlib
from typing import Any

from fastapi import Response
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from .application import start_in_empty_context
from .bounds import MAX_TOLD, TOLD_SECONDS
from .identity import Key, owner_hash
from .key_check import KeyCheck
from .origins import allows
from .process import Process
from .refusals import Refusal, forbidden_origin, is_about_the_key, refusal_from
from .request import handshake_credential, subprotocol_to_answer
from .session import dump


class Handshake:
    """Lets in whom POST would serve, for all connections of a process."""

    def __init__(self, check: KeyCheck, process: Process) -> None:
        self._check = check
        self._process = process
        self._telling = 0  # sockets that are open only to be told that they are refused

    async def admit(self, websocket: WebSocket) -> Key | None:
        """Accept the connection of a key that is good and return it, or refuse and return None.

        While the bridge is switched off nobody is asked for a key.
        """
        if self._process.is_off():
            await send_to_http(websocket, self._process, "switched_off")
            return None
        origin = websocket.headers.get("origin")
        if origin is not None and not self._allows(websocket, origin, by_name=False):
            await self.refuse(websocket, forbidden_origin())
            return None
        try:
            identity = await start_in_empty_context(self._check.identity(websocket.scope))
        except Exception as error:  # noqa: BLE001 - LiteLLM's check and an operator's own raise any
            await self.refuse(websocket, refusal_from(error))
            return None
        shown = handshake_credential(websocket.scope["headers"], self._process.litellm.key_header())
        if (
            origin is not None
            # Access then depends on the network alone, and any web page in a browser there has it.
            and self._is_keyless(identity, shown)
            and not self._allows(websocket, origin, by_name=True)
        ):
            await self.refuse(websocket, forbidden_origin())
            return None
        await websocket.accept(subprotocol_to_answer(websocket.scope["headers"]))
        owner = owner_hash(identity, shown, self._process.secret)

        async def is_refused() -> bool:
            try:
                await start_in_empty_context(self._check.identity(websocket.scope))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is only looked at
                return is_about_the_key(error)
            return False

        return Key(owner, is_refused)

    async def refuse(self, websocket: WebSocket, refusal: Refusal) -> None:
        """Refuse a handshake: the one place where a refusal is told, and where it is noted."""
        self._process.logger.warning("responses websocket: refused: %s", refusal.reason)
        self._process.metrics.refused(refusal.reason)
        if not refusal.known or self._telling >= MAX_TOLD:
            await _deny(websocket, refusal)
            return
        self._telling += 1
        try:
            with contextlib.suppress(Exception):  # the client has left already
                await websocket.accept(subprotocol_to_answer(websocket.scope["headers"]))
                await websocket.send_text(dump(refusal.event))
                # A client that sends before it reads must not find the connection closed.
                await asyncio.sleep(TOLD_SECONDS)
                # A close frame holds 125 bytes, two of them for the code.
                reason = refusal.event["error"]["message"].encode("utf-8", "replace")[:123]
                await websocket.close(1008, reason.decode("utf-8", "ignore"))
        finally:
            self._telling -= 1

    def _allows(self, websocket: WebSocket, origin: str, *, by_name: bool) -> bool:
        return allows(origin, websocket.scope["app"].user_middleware, by_name=by_name)

    def _is_keyless(self, identity: Any, shown: bytes | None) -> bool:
        """Tell whether the client was let in for no key that it showed."""
        names = (getattr(identity, name, None) for name in ("api_key", "user_id", "team_id"))
        return not shown or not any(names) or self._process.litellm.is_keyless()


async def send_to_http(websocket: WebSocket, process: Process, reason: str) -> None:
    """Answer a handshake with 426, the one status that sends Codex to HTTP at once."""
    process.metrics.refused(reason)
    await websocket.send_denial_response(Response(None, 426, {"upgrade": "websocket"}))


async def _deny(websocket: WebSocket, refusal: Refusal) -> None:
    """Refuse before accept, with 403 as stock does; the reason stands in the body."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        body = {"error": refusal.event["error"]}
        await websocket.send_denial_response(JSONResponse(body, 403))
    else:
        await websocket.close(1008)
