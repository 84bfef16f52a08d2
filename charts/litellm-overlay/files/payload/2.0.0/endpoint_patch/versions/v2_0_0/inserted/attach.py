"""Where the overlay meets LiteLLM: its own router, its check of keys, the paths of POST."""

import os
import sys
from importlib import metadata
from typing import Any

from starlette.websockets import WebSocket

from .bridge import Bridge, Options
from .frames import is_safe_model_name
from .handshake import Handshake, send_to_http
from .heartbeat import Heartbeat
from .key_check import KeyCheck
from .process import LiteLLM, Process
from .refusals import unusable_model


def _require_release(expected: str | None) -> None:
    """Refuse to run in another release than the one the file was made from.

    A moving image tag can give the init container and the proxy different images.
    """
    if expected is not None and (installed := metadata.version("litellm")) != expected:
        raise RuntimeError(
            f"litellm-overlay: this endpoints.py was made from LiteLLM {expected} but runs in "
            f"{installed}; restart the pod, and pin the image by digest"
        )


def _post_paths(router: Any, authenticate: Any) -> tuple[list[str], Any]:
    """Return the paths where LiteLLM serves POST /v1/responses, and its check of keys there.

    Each turn is a POST, so only this check protects it: where no single check guards all those
    paths, the overlay does not run. The check is in the same module as that of the WebSocket.
    """
    own = vars(sys.modules[authenticate.__module__]).get("user_api_key_auth")
    routes = [
        route
        for route in router.routes
        if "POST" in (getattr(route, "methods", None) or ())
        and own is not None
        and own in [each.call for each in route.dependant.dependencies]
    ]
    served = [route.endpoint for route in routes if route.path == "/v1/responses"]
    if not served:
        raise RuntimeError(
            "litellm-overlay: POST /v1/responses of this LiteLLM is not guarded by its own"
            " user_api_key_auth, so turns cannot be checked there; take the overlay out"
        )
    return [route.path for route in routes if route.endpoint in served], own


def _key_header() -> str | None:
    """Return the header that LiteLLM reads keys from, if it is configured to another than usual."""
    import litellm.proxy.proxy_server as proxy  # type: ignore[import-not-found] # noqa: PLC0415

    name = (proxy.general_settings or {}).get("litellm_key_header_name")
    return name if isinstance(name, str) and name else None


def _is_keyless() -> bool:
    """Tell whether LiteLLM is configured without any key, and so serves everybody."""
    import litellm.proxy.proxy_server as proxy  # noqa: PLC0415

    checks = (getattr(proxy, name, None) for name in ("master_key", "user_custom_auth"))
    return not any(checks)


def _keeps_conversations() -> bool:
    """Tell whether LiteLLM stores conversations, so that it can continue an earlier response."""
    import litellm  # noqa: PLC0415
    import litellm.proxy.proxy_server as proxy  # noqa: PLC0415

    if getattr(proxy, "prisma_client", None) is None:
        return False
    name = "store_prompts_in_spend_logs"
    settings = (proxy.general_settings or {}).get(name), os.environ.get(name.upper())
    return (
        any(str(value).lower() == "true" for value in settings)
        or getattr(litellm, "cold_storage_custom_logger", None) is not None
    )


def attach_litellm_overlay(  # noqa: PLR0913 - what the stock module has, by name
    *,
    router: Any,
    stock_handler: Any,
    authenticate: Any,
    logger: Any,
    settings: dict[str, Any],
    litellm_version: str | None,
) -> None:
    """Put the bridge on the paths that POST has; `stock_handler` had two of them."""
    _require_release(litellm_version)
    paths, check = _post_paths(router, authenticate)
    options = Options(
        mode=settings["mode"],
        max_message_bytes=settings["maxMessageBytes"],
        first_message_timeout=settings["firstMessageTimeoutSeconds"],
        session_lifetime=settings["sessionLifetimeSeconds"],
    )
    process = Process(
        LiteLLM(_key_header, _is_keyless, _keeps_conversations),
        logger,
        drain_file=settings["drainFile"],
        history_bytes=settings["historyBytes"],
        off_file=settings["offFile"],
        heartbeat=Heartbeat(settings["heartbeatSeconds"], settings["heartbeatMaxSeconds"]),
    )
    del stock_handler  # the bridge never calls it

    handshake = Handshake(KeyCheck(check, paths), process)

    async def responses_websocket(websocket: WebSocket) -> None:
        model = websocket.query_params.get("model") or None
        if model is not None and not is_safe_model_name(model):
            await handshake.refuse(websocket, unusable_model())
            return
        key = await handshake.admit(websocket)
        if key is not None:
            await Bridge(websocket, model, options, process, key).run()

    async def upgrade_refused(websocket: WebSocket) -> None:
        await send_to_http(websocket, process, "http_fallback")

    handler = upgrade_refused if options.mode == "http-fallback" else responses_websocket
    for path in paths:
        router.add_api_websocket_route(path, handler)
        # Starlette redirects a POST that has a slash too many, but no handshake. Not where
        # LiteLLM's pass-through to OpenAI takes the rest of the paths, and so this POST.
        if not path.startswith("/openai/"):
            router.add_api_websocket_route(f"{path}/", handler)
