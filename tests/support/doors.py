"""The tables of docs/doors.md: which requests POST serves, and which the handshake serves."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from dataclasses import dataclass
from shutil import copy
from typing import TYPE_CHECKING, Any

import httpx
from websockets.exceptions import InvalidStatus

from pins import PINS, ROOT
from support.client import connect, hear, receive_turn
from support.fleet import FAKES, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fleet import Live

DOCS = ROOT / "docs" / "doors.md"
COMMAND = 'make live ARGS="-k doors --write-docs"'
MARK = f"<!-- From here on written by: {COMMAND} -->"
RELEASES = PINS["litellm-live"][::-1]
OURS, THEIRS = "https://ours.example", "https://theirs.example"
KEY = "sk-1234"
BODY = {"model": "gpt-4o", "input": "hi", "store": False}


@dataclass(frozen=True)
class Knock:
    """One client's request. With `both`, WebSocket and POST must have the same outcome."""

    headers: dict[str, str]
    path: str = "/v1/responses"
    subprotocols: tuple[str, ...] = ()
    both: bool = True


def bearer(key: str = KEY, **headers: str) -> dict[str, str]:
    """Return the usual Authorization header, and further headers."""
    return {"Authorization": f"Bearer {key}", **headers}


KEYS = {
    "`Authorization: Bearer`": Knock(bearer()),
    "the same with two spaces": Knock({"Authorization": f"Bearer  {KEY}"}, both=False),
    "`Authorization: bearer`": Knock({"Authorization": f"bearer {KEY}"}),
    "`Authorization: Basic`": Knock({"Authorization": f"Basic {KEY}"}),
    "`Authorization` with a bare key": Knock({"Authorization": KEY}),
    "`Authorization: Bearer` and no key": Knock({"Authorization": "Bearer"}),
    "`api-key`": Knock({"api-key": KEY}),
    "`x-api-key`": Knock({"x-api-key": KEY}),
    "`x-litellm-api-key`, a bearer": Knock({"x-litellm-api-key": f"Bearer {KEY}"}),
    "`x-litellm-api-key`, bare": Knock({"x-litellm-api-key": KEY}),
    "`x-litellm-api-key` is wrong, `Authorization` good": Knock(
        bearer(**{"x-litellm-api-key": "sk-wrong"})
    ),
    "`x-goog-api-key`": Knock({"x-goog-api-key": KEY}),
    "`ocp-apim-subscription-key`": Knock({"ocp-apim-subscription-key": KEY}),
    "subprotocol `openai-insecure-api-key.…`": Knock(
        {}, subprotocols=("realtime", f"openai-insecure-api-key.{KEY}"), both=False
    ),
    "a cookie": Knock({"Cookie": f"token={KEY}"}),
    "nothing": Knock({}),
    "an unknown key": Knock(bearer("sk-unknown-0001")),
    "no key of LiteLLM's": Knock(bearer("something")),
    "a virtual key": Knock(bearer("sk-all-00000001")),
    "a virtual key for one model": Knock(bearer("sk-limited-0001")),
    "a blocked key": Knock(bearer("sk-blocked-0001")),
    "a key whose budget is spent": Knock(bearer("sk-budget-00001")),
    "a key and a web page, CORS for all": Knock(bearer(Origin=THEIRS)),
}
PATHS = {
    f"`{path}`": Knock(bearer("sk-all-00000001"), path)
    for path in (
        *("/v1/responses", "/responses", "/openai/v1/responses"),
        *("/v1/responses/", "/responses/", "/openai/v1/responses/", "/v2/responses"),
    )
}
KEYLESS = {
    "nothing": Knock({}),
    "any key": Knock(bearer("anything")),
    f"a web page, `{OURS}`": Knock({"Origin": OURS}, both=False),
    f"a web page, `{THEIRS}`": Knock({"Origin": THEIRS}, both=False),
    "the same with a key": Knock(bearer("anything", Origin=THEIRS), both=False),
}
UNDER_A_ROOT = {
    "`/llm/v1/responses`, the master key": Knock(bearer(), "/llm/v1/responses"),
    "`/llm/v1/responses`, a virtual key": Knock(bearer("sk-all-00000001"), "/llm/v1/responses"),
    "`/llm/openai/v1/responses`, a virtual key": Knock(
        bearer("sk-all-00000001"), "/llm/openai/v1/responses"
    ),
    "`/llm/v1/responses`, an unknown key": Knock(bearer("sk-unknown-0001"), "/llm/v1/responses"),
    "`/v1/responses`, a virtual key": Knock(bearer("sk-all-00000001")),
}
OWN_CHECK = {
    "its key": Knock(bearer("own-key")),
    "another": Knock(bearer("sk-1234")),
    "its key in a cookie": Knock({"Cookie": "token=own-key"}, both=False),
}
# By title: the clients, and the proxy's settings.
DOORS: dict[str, tuple[dict[str, Knock], dict[str, Any]]] = {
    "Keys": (KEYS, {}),
    "Paths": (PATHS, {}),
    "A proxy without keys": (
        KEYLESS,
        {
            "config": {"general_settings": {"master_key": None}},
            "environ": {"LITELLM_CORS_ORIGINS": OURS},
        },
    ),
    "Under `SERVER_ROOT_PATH=/llm`": (UNDER_A_ROOT, {"environ": {"SERVER_ROOT_PATH": "/llm"}}),
    "With `custom_auth` that reads method, address and path": (
        OWN_CHECK,
        {"config": {"general_settings": {"custom_auth": "own_auth.check"}}},
    ),
}

Cells = dict[tuple[str, str, str], tuple[str, str]]  # (title, client, release): WebSocket, POST


@contextmanager
def door(title: str, release: str, folder: Path) -> Iterator[Live]:
    """Run a proxy with the overlay and the settings of the table with this title."""
    folder.mkdir(parents=True, exist_ok=True)
    copy(FAKES / "own_auth.py", folder)
    with running(release, "2.0.0", folder, **DOORS[title][1]) as live:
        yield live


async def tried(live: Live, knock: Knock) -> tuple[str, str]:
    """Return a client's outcome over WebSocket, and its outcome with a POST."""
    return await _socket(live, knock), await _post(live, knock)


async def _post(live: Live, knock: Knock) -> str:
    async with httpx.AsyncClient(base_url=live.proxy.url, timeout=60, trust_env=False) as client:
        answer = await client.post(
            knock.path, json=BODY, headers=knock.headers, follow_redirects=True
        )
    return str(answer.status_code)


async def _socket(live: Live, knock: Knock) -> str:
    options: dict[str, Any] = {"subprotocols": knock.subprotocols} if knock.subprotocols else {}
    if "Origin" in knock.headers:
        options["origin"] = knock.headers["Origin"]
    headers = {name: value for name, value in knock.headers.items() if name != "Origin"}
    try:
        async with connect(live.proxy.ws_url + knock.path, None, headers, **options) as socket:
            try:
                event = await hear(socket, 0.3)
            except asyncio.TimeoutError:
                await socket.send(json.dumps({"type": "response.create", **BODY}))
                event = (await receive_turn(socket))[-1]
                return "101" if event["type"] == "response.completed" else f"101, {event['error']}"
            return f"told, {event['status']}"
    except InvalidStatus as refusal:
        return str(refusal.response.status_code)


def render(cells: Cells) -> str:
    """Return the Markdown: one table per title."""
    parts = []
    for title, (clients, _) in DOORS.items():
        heads = [f"{release}: {way}" for release in RELEASES for way in ("WebSocket", "POST")]
        parts += [f"\n## {title}\n", _line("", *heads)]
        parts.append("| --- " * (1 + len(heads)) + "|")
        for client in clients:
            row = [cell for release in RELEASES for cell in cells[title, client, release]]
            parts.append(_line(client, *row))
    return "\n".join(parts) + "\n"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def read() -> Cells:
    """Return every cell of docs/doors.md."""
    cells: Cells = {}
    title = ""
    for line in DOCS.read_text("utf-8").partition(MARK)[2].splitlines():
        if line.startswith("## "):
            title = line[3:]
        elif line.startswith("| ") and not line.startswith(("|  |", "| ---")):
            client, *row = [cell.strip() for cell in line.strip("|").split("|")]
            pairs = zip(row[::2], row[1::2], strict=True)
            for release, pair in zip(RELEASES, pairs, strict=True):
                cells[title, client, release] = pair
    return cells


def write(cells: Cells) -> None:
    """Write cells into docs/doors.md; keep the text above the tables, and the cells not given."""
    head = DOCS.read_text("utf-8").partition(MARK)[0]
    DOCS.write_text(f"{head}{MARK}\n{render({**read(), **cells})}", "utf-8")
