"""LiteLLM's own check of a request's key, run at a handshake as POST would run it."""

import asyncio
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from .request import request_headers, request_scope

# As in LiteLLM's check of sockets: no model is named, so nothing is reserved for the request.
_BODY = b'{"model": ""}'
_FOUND = "litellm_overlay.found"
_APPLICATION = "litellm_overlay.application"


async def _raise(_: Request, error: Exception) -> Response:
    raise error


async def _restore_application(request: Request) -> None:
    """Let the check see LiteLLM's application, as in any request."""
    request.scope["app"] = request.scope[_APPLICATION]


async def _unsent(message: MutableMapping[str, Any]) -> None:
    """Swallow the answer: only what the check found, or raised, counts."""


class KeyCheck:
    """Asks LiteLLM whose the key of a WebSocket is.

    It runs an application of its own that has the routes of POST, the same dependency and an empty
    handler. So the check sees exactly the request that a turn will make.
    """

    def __init__(self, check: Callable[..., Any], paths: Iterable[str]) -> None:
        async def admitted(
            request: Request,
            _: None = Depends(_restore_application),
            identity: Any = Depends(check),  # noqa: B008 - FastAPI's way
        ) -> Response:
            request.scope[_FOUND].append(identity)
            return Response()

        self._app = FastAPI(openapi_url=None, exception_handlers={HTTPException: _raise})
        for path in paths:
            self._app.add_api_route(path, admitted, methods=["POST"], response_model=None)

    async def identity(self, socket: MutableMapping[str, Any]) -> Any:
        """Return what LiteLLM knows of the key; raises what its check raises."""
        identities: list[Any] = []
        headers = request_headers(socket["headers"], len(_BODY))
        scope = request_scope(socket, socket.get("state") or {}, headers)
        scope |= {_FOUND: identities, _APPLICATION: socket["app"]}
        body = [{"type": "http.request", "body": _BODY, "more_body": False}]

        async def receive() -> MutableMapping[str, Any]:
            if not body:
                await asyncio.Event().wait()  # the client stays
            return body.pop()

        await self._app(scope, receive, _unsent)
        if not identities:
            raise RuntimeError("the check of keys neither admitted nor refused the request")
        return identities[0]
