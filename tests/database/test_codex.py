"""The real Codex CLI with virtual keys: its requests and seconds until it gives the reason."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from litellm_overlay.local import codex_cli
from litellm_overlay.responses import codex_config
from pins import PINS
from support.sides import Side

pytestmark = pytest.mark.timeout(900)  # the first use of Codex installs it

VERSION = PINS["codex"][-1]
EXPIRES = 2  # seconds


async def good(side):
    """Return a key without limits."""
    return await side.key()


async def spent(side):
    """Return a key whose budget is spent."""
    key = await side.key(max_budget=0.000_001)
    async with side.talk(key) as talk:
        assert (await talk.turn()).served
    await side.written(key, 1)
    return key


async def blocked(side):
    """Return a blocked key."""
    key = await side.key()
    await side.proxy.admin("/key/block", key=key)
    return key


async def expired(side):
    """Return a key that has expired."""
    key = await side.key(duration=f"{EXPIRES}s")
    await asyncio.sleep(EXPIRES + 1)
    return key


async def unknown(side):
    """Return a key that LiteLLM does not know."""
    return "sk-unknown"


async def forbidden(side):
    """Return a key that may not use the model."""
    return await side.key(models=["my-alias"])


async def used_up(side):
    """Return a key whose requests of this minute are used up."""
    key = await side.key(rpm_limit=1)
    async with side.talk(key) as talk:
        assert (await talk.turn()).served
    return key


# The outcome of the handshake: a connection, one with a reason for refusal, or 403; and the key.
KEYS = {
    "good": ("connects", good),
    "its budget is spent": ("told", spent),
    "blocked": ("told", blocked),
    "expired": ("told", expired),
    "unknown": ("refused", unknown),
    "not for this model": ("connects", forbidden),
    "its requests of this minute are used up": ("connects", used_up),
}
WORDS = {
    "its budget is spent": "Budget has been exceeded!",
    "blocked": "Key is blocked.",
    "expired": "Expired Key.",
}
COMPLETED = {"good", "its requests of this minute are used up"}
SLOW = {"expired", "unknown", "its requests of this minute are used up"}
CASES = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in KEYS]
# Beginnings of messages that do not give the reason.
ASIDE = ("Model metadata", "Reconnecting", "Falling back")


def run(proxy, kind, *, websockets):
    """Run one turn of Codex with a new key; return the run and its counts of requests."""
    key = asyncio.run(KEYS[kind][1](Side("http", proxy)))
    since = proxy.server.log.stat().st_size
    config = codex_config.config(f"{proxy.server.url}/v1", "gpt-4o", websockets=websockets)
    seen = codex_cli.run(codex_cli.install(VERSION), config, key, "say hi")
    return seen, codex_cli.count_requests(proxy.access_log(since))


def last_word(run):
    """Return Codex's final answer or error, without values that differ from run to run."""
    if run.completed:
        return run.messages[-1]
    last = [error for error in run.errors if not error.startswith(ASIDE)][-1]
    if last.startswith("{"):  # an event, which Codex shows unparsed
        last = json.loads(last)["error"]["message"]
    last = re.sub(r", url: .*|Key Expiry time .*| Received API Key .*| Key=\S+ \(\S+\)", "", last)
    last = re.sub(r"(?<=Current cost: )[\d.e-]+", "#", last)
    return last.replace("|", "/").strip(" .") + "."


@pytest.mark.parametrize("kind", CASES)
def test_codex_with_a_key(bridge, note, kind):
    """Codex with each kind of key makes the expected requests, and ends as over HTTP.

    - A key refused at the handshake costs seven handshakes and then HTTP's requests.
    - A key refused with a reason costs two handshakes, of warm-up and turn, and no POST.
    - A key over its limit per minute is served after the minute, by either way.
    """
    door = KEYS[kind][0]
    websocket, requests = run(bridge, kind, websockets=True)
    http, posts = run(bridge, kind, websockets=False)
    note(
        kind,
        table="codex",
        handshakes=f"{requests['accepted']} accepted, {requests['refused']} refused",
        posts=str(requests["posts"]),
        seconds=f"{websocket.wall_seconds:.1f}",
        says=last_word(websocket),
        http_posts=str(posts["posts"]),
        http_seconds=f"{http.wall_seconds:.1f}",
        http_says=last_word(http),
    )
    assert posts["accepted"] + posts["refused"] == 0
    assert websocket.completed == http.completed == (kind in COMPLETED)
    if door == "told":
        assert requests == {"accepted": 2, "refused": 0, "posts": 0}
        assert WORDS[kind] in last_word(websocket)
    elif door == "connects":
        tries = posts["posts"] if http.completed else 1
        assert requests == {"accepted": tries, "refused": 0, "posts": 0}
    else:  # Codex falls back to HTTP, which gives it the reason
        assert requests == {"accepted": 0, "refused": 7, "posts": posts["posts"]}
        assert last_word(websocket) == last_word(http)
