"""Convert a WebSocket's ASGI scope to that of an HTTP request to the same application (pure).

Only listed keys are copied. Others that a WebSocket scope holds (its own `asgi.spec_version`, the
matched route, exit stacks) make Starlette misread an HTTP request.
"""

import re
from collections.abc import Iterable, MutableMapping
from typing import Any

Headers = list[tuple[bytes, bytes]]

_KEY_SUBPROTOCOL = "openai-insecure-api-key."
_BARE_KEY = re.compile(r"(^|[^a-z])(sk-|bearer|eyj)")  # LiteLLM's and OpenAI's, and a JWT
# Every header that LiteLLM's HTTP routes take a key from.
_KEY_HEADERS = (
    b"x-litellm-api-key",
    b"authorization",
    b"api-key",
    b"x-api-key",
    b"x-goog-api-key",
    b"ocp-apim-subscription-key",
)
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
# A browser sends cookies for any page: they identify the user, not the page that asks.
_AMBIENT_HEADERS = {b"cookie"}
_BODY_HEADERS = {
    b"accept",
    b"accept-encoding",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"expect",
}
# One value for many turns would merge them in logs, traces and caches. (`x-litellm-trace-id` is
# meant to: it groups the calls of a session.)
_REQUEST_ID_HEADERS = {
    b"x-litellm-call-id",
    b"x-request-id",
    b"idempotency-key",
    b"traceparent",
    b"tracestate",
}
_DROPPED = _CONNECTION_HEADERS | _AMBIENT_HEADERS | _BODY_HEADERS | _REQUEST_ID_HEADERS


def _first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)


def subprotocols(headers: Headers) -> list[str]:
    """Return the subprotocols of the first header that offers some, which is all LiteLLM reads."""
    offered = _first(headers, b"sec-websocket-protocol") or b""
    return [part.strip() for part in offered.decode("latin-1").split(",") if part.strip()]


def subprotocol_to_answer(headers: Headers) -> str | None:
    """Return the first offered subprotocol; never one that carries a key."""
    offered = subprotocols(headers)
    return next((name for name in offered if not _may_carry_a_key(name)), None)


def _may_carry_a_key(subprotocol: str) -> bool:
    """Tell whether a subprotocol looks like one that carries a key.

    LiteLLM reads one spelling, but a key is secret in any other spelling as well.
    """
    name = subprotocol.lower()
    return "apikey" in re.sub(r"[^a-z]", "", name) or _BARE_KEY.search(name) is not None


def _key_of_subprotocol(headers: Headers) -> bytes | None:
    """Return the key that a browser puts there, for want of headers of its own."""
    for name in subprotocols(headers):
        if name.startswith(_KEY_SUBPROTOCOL):
            return name[len(_KEY_SUBPROTOCOL) :].encode("latin-1") or None
    return None


def handshake_credential(headers: Headers, key_header: str | None) -> bytes | None:
    """Return the key that a client presented in its handshake, None if it presented none.

    `key_header` is LiteLLM's own `litellm_key_header_name` (or None).
    """
    names = [key_header.lower().encode("latin-1")] if key_header else _KEY_HEADERS
    shown = (_first(headers, name) for name in names)
    return next((value for value in shown if value), None) or _key_of_subprotocol(headers)


def _beta_header(value: bytes) -> bytes | None:
    """Return an `openai-beta` value without the opt-ins that only a WebSocket knows."""
    kept = [
        part.strip()
        for part in value.split(b",")
        if part.strip() and not part.strip().startswith(b"responses_websockets")
    ]
    return b", ".join(kept) or None


def _bearer(value: bytes) -> bytes:
    """Return an `authorization` value as LiteLLM's HTTP check reads it.

    Its check of sockets lets a bearer token stand between any number of spaces.
    """
    scheme, space, token = value.partition(b" ")
    return scheme + space + token.strip() if scheme == b"Bearer" else value


def request_headers(headers: Headers, length: int) -> Headers:
    """Return the headers of an HTTP request that authenticates as the WebSocket did.

    LiteLLM finds the key in them as in any POST. A key in the subprotocol, which POST does not
    know, becomes a bearer token unless the client presents another key.
    """
    kept: Headers = []
    shows_key = False
    for name, value in headers:
        if name in _DROPPED or name.startswith(b"sec-websocket-"):
            continue
        if name == b"openai-beta":
            beta = _beta_header(value)
            kept += [(name, beta)] if beta else []
        elif name in _KEY_HEADERS:
            shows_key = shows_key or bool(value)
            kept += [(name, _bearer(value) if name == b"authorization" else value)] * bool(value)
        else:
            kept.append((name, value))
    key = None if shows_key else _key_of_subprotocol(headers)
    if key is not None:
        kept.append((b"authorization", b"Bearer " + key))
    kept += [
        (b"content-type", b"application/json"),
        (b"accept", b"text/event-stream"),
        (b"content-length", str(length).encode()),
    ]
    return kept


def request_scope(
    socket: MutableMapping[str, Any], state: dict[str, Any], headers: Headers
) -> dict[str, Any]:
    """Return the HTTP scope of one request, with its own copy of the lifespan's `state`.

    A slash at the end is left out: POST is redirected there, which nobody would follow here.
    """
    path = socket["path"].rstrip("/")
    raw_path = (socket.get("raw_path") or path.encode()).rstrip(b"/")
    return {
        "type": "http",
        # With 2.4 Starlette would no longer watch `receive` for the client's disconnect.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https" if socket.get("scheme") == "wss" else "http",
        "path": path,
        "raw_path": raw_path,
        "root_path": socket.get("root_path", ""),
        "query_string": b"",
        "headers": headers,
        "client": socket.get("client"),
        "server": socket.get("server"),
        "state": dict(state),
    }
