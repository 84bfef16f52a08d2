"""Turns over WebSocket and over HTTP, with outcomes in one shape so that they can be compared."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.client import connect, receive_turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from support.database import Proxy

BODY = {"model": "gpt-4o", "input": "hi", "store": False}
AGENT = "database-tests"  # the user agent that LiteLLM records
SECONDS = 60  # per turn; a longer one counts as hung
# The parts of LiteLLM's messages that differ from key to key, turn to turn or run to run.
PARTICULAR = re.compile(
    r"[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|sk-\.*[\w-]+"
    r"|resp_[\w=-]+|\d{4}-\d\d-\d\d[ T][\d:.+]+|\d+(\.\d+)?(e-\d+)?"
)

# Error types that say no more than the status does; LiteLLM writes None as a word.
GENERIC = ("None", "error", "invalid_request_error", "server_error")


@dataclass(frozen=True)
class Answer:
    """The outcome of a turn: 200, or the status of the refusal and its `error`.

    `where` is "turn", "handshake", or "gone" if the connection had already ended. `status` is 0 if
    the error has none. `closed` is the close code if the server closed the connection right
    afterwards.
    """

    status: int
    error: dict[str, Any] | None = None
    where: str = "turn"
    closed: int | None = None
    response_id: str | None = None

    @property
    def served(self) -> bool:
        """Tell whether the model answered."""
        return self.status == 200

    @property
    def kind(self) -> str:
        """Return LiteLLM's own type or code for the refusal; "" if it has only a generic one."""
        words = [str((self.error or {}).get(name)) for name in ("type", "code")]
        return next((word for word in words if not word.isdigit() and word not in GENERIC), "")

    @property
    def reason(self) -> str:
        """Return the refusal's message, with ids, keys, times and numbers replaced by "#"."""
        return PARTICULAR.sub("#", str((self.error or {}).get("message")))

    def __str__(self) -> str:
        """Return the words for the table in the docs."""
        if self.where == "gone":
            return f"closed {self.closed}"
        if self.where == "handshake":
            return f"handshake {self.status}"
        if self.served:
            return "turn"
        told = str(self.status) if self.status else "error without status"
        word = f" {self.kind}" if self.kind else ""
        return f"{told}{word}" + (f", closed {self.closed}" if self.closed else "")


def in_words(answers: Sequence[Answer]) -> str:
    """Return the answers on one line, such as "2 turns, 429"."""
    parts = []
    for text, group in itertools.groupby(map(str, answers)):
        count = len(list(group))
        if text == "turn":
            parts.append(f"{count} turn{'s' if count > 1 else ''}")
        elif count > 1 and text[0].isdigit():
            parts.append(f"{count} times {text}")
        else:
            parts.append(text)
    return ", ".join(parts)


class Socket:
    """Turns over one WebSocket connection; `query` is appended to its URL."""

    def __init__(self, proxy: Proxy, key: str, query: str = "") -> None:
        self.url = f"{proxy.server.ws_url}/v1/responses{query}"
        self.key = key
        self.refused: Answer | None = None
        self.waits = 1.5  # seconds for a close; a rejected key's event comes before it
        self.socket: Any = None

    async def __aenter__(self) -> Self:
        try:
            self.socket = await connect(
                self.url, self.key, open_timeout=SECONDS, user_agent_header=AGENT
            )
        except InvalidStatus as refusal:
            self.refused = Answer(refusal.response.status_code, where="handshake")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.socket is not None:
            await self.socket.close()

    async def turn(self, **fields: Any) -> Answer:
        """Send one `response.create`; return its outcome."""
        if self.refused:
            return self.refused
        try:
            await self.socket.send(json.dumps({"type": "response.create", **BODY, **fields}))
            events = await asyncio.wait_for(receive_turn(self.socket), SECONDS)
        except ConnectionClosed as closed:
            return Answer(0, where="gone", closed=closed.rcvd.code if closed.rcvd else 1006)
        last = events[-1]
        if last["type"] == "response.completed":
            self.waits = 0.5
            return Answer(200, response_id=last["response"]["id"])
        error = last.get("error") or (last.get("response") or {}).get("error") or {}
        return Answer(last.get("status") or 0, error, closed=await self.close_code())

    async def close_code(self) -> int | None:
        """Return the close code if the server closes within `waits` seconds, else None."""
        closing = asyncio.ensure_future(self.socket.wait_closed())
        await asyncio.wait([closing], timeout=self.waits)
        closing.cancel()
        code: int | None = self.socket.close_code
        return code


class Post:
    """Turns over HTTP, one POST each."""

    def __init__(self, proxy: Proxy, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}", "User-Agent": AGENT}
        self.client = httpx.AsyncClient(
            headers=headers, base_url=proxy.server.url, timeout=SECONDS, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def turn(self, **fields: Any) -> Answer:
        """POST one streamed request; return its outcome."""
        answer = await self.client.post("/v1/responses", json={**BODY, **fields, "stream": True})
        if answer.status_code != 200:
            told = answer.json()
            error = told.get("error") or told.get("detail")
            return Answer(
                answer.status_code, error if isinstance(error, dict) else {"message": error}
            )
        data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
        last = json.loads(data[-1])
        if last.get("type") == "response.completed":
            return Answer(200, response_id=last["response"]["id"])
        error = last.get("error") or (last.get("response") or {}).get("error") or last
        return Answer(int(error["code"]) if str(error.get("code")).isdigit() else 500, error)


def told_as(http: Answer) -> int:
    """Return the status of 2.0.0's error event for an HTTP refusal.

    Codex stops at once on 400 and retries on nearly every other status. Waiting helps neither a
    rejected key nor a spent budget, so both get 400.
    """
    if http.kind == "budget_exceeded":
        return 400
    return http.status if http.status == 429 or http.status >= 500 else 400


def assert_equal(websocket: Sequence[Answer], http: Sequence[Answer]) -> None:
    """Require that both ways serve the same turns and refuse the others with the same reason."""
    seen = f"WebSocket {websocket}\nHTTP {http}"
    assert [a.served for a in websocket] == [a.served for a in http], seen
    for ours, theirs in zip(websocket, http, strict=True):
        if ours.where != "turn" or ours.served:  # a handshake's refusal has no message
            continue
        assert ours.status == told_as(theirs), seen
        assert (ours.kind, ours.reason) == (theirs.kind, theirs.reason), seen
