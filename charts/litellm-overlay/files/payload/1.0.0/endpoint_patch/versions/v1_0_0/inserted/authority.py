"""LiteLLM's own WebSocket auth, asked again for the model that a frame names."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.websockets import WebSocket

from .errors import RefusalError

Authenticate = Callable[[WebSocket], Awaitable[Any]]


async def _nothing(message: MutableMapping[str, Any]) -> None:
    """Swallow what the auth would send: the real socket is open and stays so."""


async def _never() -> MutableMapping[str, Any]:
    raise RuntimeError("auth does not read from the socket")


async def authorize(websocket: WebSocket, authenticate: Authenticate, model: str) -> Any:
    """Return the identity that may use `model`, or raise RefusalError with LiteLLM's own reason.

    The auth sees a socket like the real one whose URL has `?model=`: every check of the release
    runs (key, team, user, budget), whatever its functions are called inside.
    """
    query = parse_qsl(websocket.scope.get("query_string", b"").decode("latin-1"))
    query = [(name, value) for name, value in query if name != "model"]
    scope = {
        **websocket.scope,
        "query_string": urlencode([*query, ("model", model)]).encode(),
        "headers": list(websocket.scope["headers"]),
    }
    try:
        return await authenticate(WebSocket(scope, _never, _nothing))
    except Exception as error:  # noqa: BLE001 - LiteLLM refuses with many kinds
        raise _refusal(error) from None


def _refusal(error: Exception) -> RefusalError:
    reason = error.__context__ or error  # the auth wraps its reason in a bare 403
    message = getattr(reason, "message", None) or getattr(reason, "detail", None) or str(reason)
    error_type = str(getattr(reason, "type", None) or "permission_error")
    about_model = "model" in error_type or "budget" in error_type or error_type == "None"
    return RefusalError(
        str(message)[:1000] or "The key may not use this model.",
        str(getattr(reason, "code", None) or "model_access_denied"),
        "model",
        error_type=error_type,
        # A key that is no longer good has no use for this connection; any other model may do.
        close=None if about_model else 1008,
    )
