"""The proxy's own ASGI application, asked in process: one POST a turn."""

import asyncio
import contextvars
from collections.abc import Coroutine, MutableMapping
from typing import Any, TypeVar

from .http_errors import exception_error
from .request import request_headers, request_scope
from .turn import Exchange

_T = TypeVar("_T")

GRACE = 2.0  # seconds in which an application must notice that its client left


def start_in_empty_context(coroutine: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
    """Start a task in an empty context, so that its trace is no child of the socket's."""
    return contextvars.Context().run(asyncio.ensure_future, coroutine)


class Application:
    """Send requests to LiteLLM in process, as one WebSocket's client would over HTTP."""

    def __init__(
        self,
        socket_scope: MutableMapping[str, Any],
        logger: Any,
    ) -> None:
        self._requests: dict[Exchange, asyncio.Task[None]] = {}
        self._scope = socket_scope
        self._state = dict(socket_scope.get("state") or {})  # the lifespan's, as at the handshake
        self._logger = logger

    @property
    def running(self) -> int:
        """How many requests run."""
        return len(self._requests)

    async def post(self, exchange: Exchange) -> None:
        """Make one request and wait for its end; its events go where the exchange sends them."""
        request = self._requests[exchange] = start_in_empty_context(self._request(exchange))
        try:
            while not (await asyncio.wait({request}, timeout=exchange.seconds_left))[0]:
                if await exchange.keep_alive():
                    self._give_up(request)
        finally:
            del self._requests[exchange]
            if not request.done():
                request.cancel()
                await asyncio.gather(request, return_exceptions=True)
        if request.cancelled():  # by the application itself, or after `cancel`
            await exchange.finish(asyncio.CancelledError())

    async def cancel(self, exchange: Exchange) -> None:
        """End a turn for its client, at once, and its request as if the client had left."""
        await exchange.cancel()
        request = self._requests.get(exchange)
        if request is not None:
            self._give_up(request)

    def _give_up(self, request: "asyncio.Task[None]") -> None:
        """Cancel a request that does not react to its client's disconnect."""
        asyncio.get_running_loop().call_later(GRACE, request.cancel)

    def client_left(self) -> None:
        """Tell every request that the client left."""
        for exchange in self._requests:
            exchange.client_left()

    async def _request(self, exchange: Exchange) -> None:
        crash: BaseException | None = None
        try:
            headers = request_headers(self._scope["headers"], exchange.size)
            scope = request_scope(self._scope, self._state, headers)
            await self._scope["app"](scope, exchange.receive, exchange.send)
        except Exception as error:  # the turn must not end in silence, whatever happens
            crash = error
            # LiteLLM raises once it has begun to answer; the client is told, and its log has it.
            if not exchange.over and exception_error(error) is None:
                self._logger.exception("responses websocket: the turn's request failed")
        await exchange.finish(crash)
