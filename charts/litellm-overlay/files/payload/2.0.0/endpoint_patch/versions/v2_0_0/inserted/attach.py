"""Where the overlay meets LiteLLM: its own router, its WebSocket auth, two paths."""

from importlib import metadata
from typing import Any

from fastapi import Depends, Response, WebSocketException
from starlette.websockets import WebSocket

from .bridge import Bridge, Options
from .frames import is_model_name
from .request import subprotocol_to_answer


def _require_release(expected: str | None) -> None:
    """Refuse to run in another release than the one the file was made from.

    A moving image tag can give the init container and the proxy different images.
    """
    if expected is not None and (found := metadata.version("litellm")) != expected:
        raise RuntimeError(
            f"litellm-overlay: this endpoints.py was made from LiteLLM {expected} but runs in "
            f"{found}; restart the pod, and pin the image by digest"
        )


def _key_header() -> str | None:
    """Return the header that LiteLLM is told to read keys from, if it is not the usual one."""
    import litellm.proxy.proxy_server as proxy  # type: ignore[import-not-found] # noqa: PLC0415

    name = (proxy.general_settings or {}).get("litellm_key_header_name")
    return name if isinstance(name, str) and name else None


def attach_litellm_overlay(  # noqa: PLR0913 - what the stock module has, by name
    *,
    router: Any,
    stock_handler: Any,
    authenticate: Any,
    logger: Any,
    settings: dict[str, Any],
    litellm_version: str | None,
) -> None:
    """Put the bridge on the two paths that `stock_handler` had."""
    _require_release(litellm_version)
    options = Options(
        mode=settings["mode"],
        max_message_bytes=settings["maxMessageBytes"],
        first_message_timeout=settings["firstMessageTimeoutSeconds"],
        session_lifetime=settings["sessionLifetimeSeconds"],
        drain_file=settings["drainFile"],
    )
    del stock_handler  # the bridge never calls it

    async def authenticated(websocket: WebSocket) -> Any:
        # LiteLLM formats ?model= into JSON text for its checks; what could break out stops here.
        model = websocket.query_params.get("model")
        if model and not is_model_name(model):
            logger.warning("responses websocket: ?model= is no plain model name; refused")
            raise WebSocketException(1008)
        return await authenticate(websocket)

    async def responses_websocket(
        websocket: WebSocket,
        _identity: Any = Depends(authenticated),  # noqa: B008 - FastAPI's way
    ) -> None:
        await websocket.accept(subprotocol_to_answer(websocket.scope["headers"]))
        model = websocket.query_params.get("model") or None
        await Bridge(websocket, model, options, _key_header, logger).run()

    async def upgrade_refused(websocket: WebSocket) -> None:
        # 426 is the one status that sends Codex to HTTP at once.
        await websocket.send_denial_response(
            Response(status_code=426, headers={"upgrade": "websocket"})
        )

    handler = upgrade_refused if options.mode == "http-fallback" else responses_websocket
    for path in ("/v1/responses", "/responses"):
        router.add_api_websocket_route(path, handler)
