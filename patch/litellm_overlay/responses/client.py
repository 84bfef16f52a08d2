"""A WebSocket client that speaks the Responses protocol as Codex does.

`connect` yields a Connection; its `turn` returns a Turn. Whatever a server does is returned as a
value: it may refuse the handshake, stay silent, close, or send an error. An exception means that no
server was reached. Frames are plain dicts; a Connection also sends text and bytes as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import re
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio import client
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)

from litellm_overlay import __version__
from litellm_overlay.errors import OverlayError
from litellm_overlay.responses.protocol import TERMINAL, Turn, parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from websockets.typing import Subprotocol

    from litellm_overlay.responses.protocol import Json

AUTH_FORMS = ("bearer", "api-key", "subprotocol")  # what LiteLLM reads at a WebSocket handshake
CLOSE_SECONDS = 2  # how long to wait for the server's close frame
# On Python 3.10 asyncio.TimeoutError is not the built-in TimeoutError, which is an OSError.
UNREACHABLE = (OSError, asyncio.TimeoutError, InvalidHandshake, InvalidURI, ImportError)
_IN_HEADER = r"[!-~]+"
_IN_SUBPROTOCOL = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110's token


class Connection:
    """The result of a handshake, with the open socket if the server accepted it."""

    def __init__(
        self,
        status: int,
        handshake_ms: float,
        timeout: float,
        socket: client.ClientConnection | None = None,
    ) -> None:
        self.status = status
        self.handshake_ms = handshake_ms
        self.timeout = timeout
        self._socket = socket

    @property
    def accepted(self) -> bool:
        """Tell whether the server switched to WebSocket."""
        return self._socket is not None

    async def turn(self, frame: Json | str | bytes) -> Turn:
        """Send one frame; return its events until the last one, a close or the timeout."""
        if self._socket is None:
            return Turn((), self.status, None, self.handshake_ms)
        began = time.monotonic()
        message = json.dumps(frame) if isinstance(frame, dict) else frame
        events: list[Json] = []
        first_ms = close = None
        try:
            await self._in_time(began, self._socket.send(message))
            while not events or events[-1].get("type") not in TERMINAL:
                received = await self._in_time(began, self._socket.recv())
                first_ms = first_ms or ms_since(began)
                events.append(parse(received))
        except ConnectionClosed:
            close = self._socket.close_code
        except asyncio.TimeoutError:
            pass
        return Turn(tuple(events), close, first_ms, ms_since(began))

    async def first_event(self, seconds: float) -> Json | None:
        """Return an event that the server sends unasked within `seconds`, else None."""
        if self._socket is None:
            return None
        try:
            return parse(await asyncio.wait_for(self._socket.recv(), seconds))
        except (ConnectionClosed, asyncio.TimeoutError):
            return None

    async def _in_time(self, began: float, operation: Coroutine[Any, Any, Any]) -> Any:
        left = self.timeout - (time.monotonic() - began)
        return await asyncio.wait_for(operation, max(left, 0))


def ms_since(began: float) -> float:
    """Return the milliseconds since a reading of the monotonic clock."""
    return (time.monotonic() - began) * 1000


class _Connect(client.connect):
    """A connection that follows no redirect, as Codex does, so no other host gets the key."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@contextlib.asynccontextmanager
async def connect(
    url: str,
    key: str,
    *,
    model_in_query: str | None = None,
    auth: str = "bearer",
    timeout: float = 30,
) -> AsyncIterator[Connection]:
    """Open a connection; see `responses_url` for what `url` may be.

    `auth` is one of AUTH_FORMS; `timeout` is in seconds, for the handshake and again for each turn.
    Raises OverlayError if no server answers.
    """
    target = responses_url(url, model_in_query)
    headers, subprotocols = credentials(key, auth)
    host = urlsplit(target).hostname or ""
    began = time.monotonic()
    try:
        socket = await _Connect(
            target,
            additional_headers={"OpenAI-Beta": "responses_websockets=2026-02-06", **headers},
            subprotocols=subprotocols,
            user_agent_header=f"litellm-overlay/{__version__}",
            proxy=None if is_loopback(host) else True,
            open_timeout=timeout,
            ping_interval=None,
            close_timeout=CLOSE_SECONDS,
            max_size=None,
        )
    except InvalidStatus as refusal:
        status, socket = refusal.response.status_code, None
    except UNREACHABLE as error:
        raise not_reached(error, urlsplit(target).netloc, timeout) from error
    else:
        status = 101
    connection = Connection(status, ms_since(began), timeout, socket)
    try:
        yield connection
    finally:
        if socket:
            await socket.close()


def responses_url(url: str, model: str | None = None) -> str:
    """Return the WebSocket URL of a proxy's endpoint.

    `url` is http(s):// or ws(s)://. Its path is completed to end in `/v1/responses`. Raises
    OverlayError for other URLs, and for those with a query, a fragment or credentials.
    """
    try:
        parts = urlsplit(url)
        scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}[parts.scheme]
        usable = bool(parts.hostname) and parts.port != 0
    except (KeyError, ValueError):
        usable = False
    if not usable:
        raise OverlayError(
            "the URL must begin with http://, https://, ws:// or wss:// and a host",
            hint="for example http://localhost:4000",
        )
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise OverlayError(
            "the URL must hold no query, fragment or password",
            hint="the model and the key have options of their own",
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/responses"):
        path += "/responses" if path.endswith("/v1") else "/v1/responses"
    query = urlencode({"model": model}) if model else ""
    return urlunsplit((scheme, parts.netloc, path, query, ""))


def credentials(key: str, auth: str) -> tuple[dict[str, str], list[Subprotocol] | None]:
    """Return the headers and subprotocols that carry the key; OverlayError if they cannot."""
    allowed = _IN_SUBPROTOCOL if auth == "subprotocol" else _IN_HEADER
    if not re.fullmatch(allowed, key):
        raise OverlayError(f"the key is empty or holds characters that {auth} cannot carry")
    if auth == "subprotocol":
        return {}, ["realtime", f"openai-insecure-api-key.{key}"]  # type: ignore[list-item]
    return {"api-key": key} if auth == "api-key" else {"Authorization": f"Bearer {key}"}, None


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, which no HTTP proxy can reach for us."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def not_reached(error: Exception, netloc: str, timeout: float) -> OverlayError:
    """Return the error for a server that cannot be reached. It never quotes what was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted here ({error.verify_message})"
        hint = "for an authority of your own, set SSL_CERT_FILE to its certificate"
    elif isinstance(error, ssl.SSLError):
        why = f"TLS failed ({error.reason})"
        hint = "does the server speak plain http:// there?"
    elif isinstance(error, ConnectionResetError):
        why = "it broke the connection off"
        hint = "does the server speak https:// where http:// was given, or the other way round?"
    elif isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        why = f"no answer to the handshake within {timeout:g} s"
        hint = "something on the way may swallow WebSocket upgrades: a firewall, an ingress"
    elif isinstance(error, ProxyError):
        why = "the HTTP proxy of this machine's environment refused"
        hint = "set NO_PROXY for this host, or let the proxy pass CONNECT"
    elif isinstance(error, OSError):
        number = error.errno or 0  # asyncio's own text repeats the address
        why = os.strerror(number) if number > 0 else error.strerror or str(error)
        hint = "is the address right, and does the proxy run there?"
    elif isinstance(error, ImportError):
        why, hint = "SOCKS proxies are not supported", "set NO_PROXY for this host"
    else:
        why = f"it did not answer as a web server does ({type(error).__name__})"
        hint = "does the server speak https:// there?"
    return OverlayError(f"cannot reach {netloc}: {why}", hint=hint)
