"""A WebSocket's ASGI scope -> the scope of one HTTP request to the same application (pure).

Both by allow-list and by rule, never a copy: what a WebSocket scope holds besides (its own
`asgi.spec_version`, the matched route, exit stacks) makes Starlette misread an HTTP request.
"""

from collections.abc import Iterable, MutableMapping
from typing import Any

Headers = list[tuple[bytes, bytes]]

_KEY_SUBPROTOCOL = "openai-insecure-api-key."
# Every header that LiteLLM's HTTP routes would take a key from.
_KEY_HEADERS = {
    b"authorization",
    b"api-key",
    b"x-api-key",
    b"x-litellm-api-key",
    b"x-goog-api-key",
    b"ocp-apim-subscription-key",
}
_CONNECTION_HEADERS = {
    b"connection",
    b"upgrade",
    b"keep-alive",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"http2-settings",
}
_BODY_HEADERS = {
    b"accept",
    b"accept-encoding",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"expect",
}
# One value for many turns would merge them in logs, traces and caches.
_REQUEST_ID_HEADERS = {
    b"x-litellm-call-id",
    b"x-litellm-trace-id",
    b"x-request-id",
    b"idempotency-key",
    b"traceparent",
    b"tracestate",
}
_DROPPED = _CONNECTION_HEADERS | _BODY_HEADERS | _REQUEST_ID_HEADERS


def _first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)


def subprotocols(headers: Headers) -> list[str]:
    """Return the subprotocols of the first header that offers some, which is all LiteLLM reads."""
    offered = _first(headers, b"sec-websocket-protocol") or b""
    return [part.strip() for part in offered.decode("latin-1").split(",") if part.strip()]


def subprotocol_to_answer(headers: Headers) -> str | None:
    """Return the first offered subprotocol; never one that carries a key."""
    offered = subprotocols(headers)
    return next((name for name in offered if not name.startswith(_KEY_SUBPROTOCOL)), None)


def _handshake_key(headers: Headers) -> bytes | None:
    """Return the key where the handshake's auth finds it: header, `api-key`, subprotocol."""
    authorization = _first(headers, b"authorization")
    if authorization:
        return authorization.removeprefix(b"Bearer ").strip()
    api_key = _first(headers, b"api-key")
    if api_key:
        return api_key
    for name in subprotocols(headers):
        if name.startswith(_KEY_SUBPROTOCOL):
            return name[len(_KEY_SUBPROTOCOL) :].encode("latin-1")
    return None


def _beta_header(value: bytes) -> bytes | None:
    """Return an `openai-beta` value without the opt-ins that only a WebSocket knows."""
    kept = [
        part.strip()
        for part in value.split(b",")
        if part.strip() and not part.strip().startswith(b"responses_websockets")
    ]
    return b", ".join(kept) or None


def request_headers(headers: Headers, key_header: str | None, length: int) -> Headers:
    """Return the headers of a turn's request.

    The turn must have the identity that the handshake authenticated, so of all key headers just
    that one key goes on. `key_header` is LiteLLM's own `litellm_key_header_name` (or None): where
    it is set, LiteLLM reads the key there, for sockets too, and the header passes as it is.
    """
    custom = key_header.lower().encode("latin-1") if key_header else None
    identity = None if custom else _handshake_key(headers)
    kept: Headers = []
    for name, value in headers:
        if name == custom or (custom and name == b"authorization"):
            kept.append((name, value))
        elif name in _DROPPED or name in _KEY_HEADERS or name.startswith(b"sec-websocket-"):
            continue
        elif name == b"openai-beta":
            beta = _beta_header(value)
            kept += [(name, beta)] if beta else []
        else:
            kept.append((name, value))
    if identity is not None:
        kept.append((b"authorization", b"Bearer " + identity))
    kept += [
        (b"content-type", b"application/json"),
        (b"accept", b"text/event-stream"),
        (b"content-length", str(length).encode()),
    ]
    return kept


def request_scope(
    socket: MutableMapping[str, Any], state: dict[str, Any], headers: Headers
) -> dict[str, Any]:
    """Return the HTTP scope of one turn, with its own copy of the lifespan's `state`."""
    path = socket["path"]
    return {
        "type": "http",
        # With 2.4 Starlette would no longer watch `receive` for the client's leaving.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https" if socket.get("scheme") == "wss" else "http",
        "path": path,
        "raw_path": socket.get("raw_path") or path.encode(),
        "root_path": socket.get("root_path", ""),
        "query_string": b"",
        "headers": headers,
        "client": socket.get("client"),
        "server": socket.get("server"),
        "state": dict(state),
    }
