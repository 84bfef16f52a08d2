"""Where the overlay meets LiteLLM: its own router, its handler, its WebSocket auth, two paths."""

import re
from importlib import metadata
from typing import Any

from fastapi import Depends, Response, WebSocketException
from starlette.websockets import WebSocket

from .frames import is_safe_model_name
from .relay import Options, Relay

_BARE_KEY = re.compile(r"(^|[^a-z])(sk-|bearer|eyj)")  # LiteLLM's and OpenAI's, and a JWT


def _require_release(expected: str | None) -> None:
    """Refuse to run in another release than the one the file was made from.

    A moving image tag can give the init container and the proxy different images.
    """
    if expected is not None and (installed := metadata.version("litellm")) != expected:
        raise RuntimeError(
            f"litellm-overlay: this endpoints.py was made from LiteLLM {expected} but runs in "
            f"{installed}; restart the pod, and pin the image by digest"
        )


def _subprotocol(websocket: WebSocket) -> str | None:
    """Return the first offered subprotocol; never one that carries a key."""
    offered = (websocket.headers.get("sec-websocket-protocol") or "").split(",")
    names = [name.strip() for name in offered if name.strip()]
    return next((name for name in names if not _may_carry_a_key(name)), None)


def _may_carry_a_key(subprotocol: str) -> bool:
    """Tell whether a subprotocol looks like one that carries a key.

    LiteLLM reads one spelling, but a key is secret in any other spelling as well.
    """
    name = subprotocol.lower()
    return "apikey" in re.sub(r"[^a-z]", "", name) or _BARE_KEY.search(name) is not None


def attach_litellm_overlay(  # noqa: PLR0913 - what the stock module has, by name
    *,
    router: Any,
    stock_handler: Any,
    authenticate: Any,
    logger: Any,
    settings: dict[str, Any],
    litellm_version: str | None,
) -> None:
    """Put the relay on the two paths that `stock_handler` had, with `stock_handler` behind it."""
    _require_release(litellm_version)
    options = Options(
        mode=settings["mode"],
        max_message_bytes=settings["maxMessageBytes"],
        first_message_timeout=settings["firstMessageTimeoutSeconds"],
        session_lifetime=settings["sessionLifetimeSeconds"],
    )

    async def authenticated(websocket: WebSocket) -> Any:
        # LiteLLM formats ?model= into JSON text for its checks; what could break out stops here.
        model = websocket.query_params.get("model")
        if model and not is_safe_model_name(model):
            logger.warning("responses websocket: ?model= is no plain model name; refused")
            raise WebSocketException(1008)
        return await authenticate(websocket)

    async def responses_websocket(
        websocket: WebSocket,
        identity: Any = Depends(authenticated),  # noqa: B008 - FastAPI's way
    ) -> None:
        await websocket.accept(_subprotocol(websocket))
        model = websocket.query_params.get("model") or None
        relay = Relay(websocket, authenticate, options, model)
        if model is None:
            first = await relay.first_model()
            if first is None:
                return
            model, identity = first
        try:
            await stock_handler(websocket=relay, model=model, user_api_key_dict=identity)
        except Exception:
            logger.exception("responses websocket: LiteLLM's handler failed")
        finally:
            await relay.finish()

    async def upgrade_refused(websocket: WebSocket) -> None:
        # 426 is the one status that sends Codex to HTTP at once.
        await websocket.send_denial_response(
            Response(status_code=426, headers={"upgrade": "websocket"})
        )

    handler = upgrade_refused if options.mode == "http-fallback" else responses_websocket
    for path in ("/v1/responses", "/responses"):
        router.add_api_websocket_route(path, handler)
