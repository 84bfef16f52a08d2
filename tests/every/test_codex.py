"""The real Codex on each release: one connection for all turns, and the same bodies as by HTTP."""

from __future__ import annotations

import threading

import pytest

from litellm_overlay.local import codex_cli
from litellm_overlay.local.processes import MASTER_KEY
from support.codex_app_server import session
from support.codex_bodies import PROMPTS, converse, differences, is_permitted, without_dropped
from support.every_release import CODEX, CODEX_RIGHT, NEWEST, STOCK, codex_row

pytestmark = pytest.mark.timeout(1800)

# Codex waits 300 s for an event and retries 5 times by default. A missing event shows sooner, too.
SOON = "stream_idle_timeout_ms = 8000\nstream_max_retries = 0\nrequest_max_retries = 1\n"
WAIT_SECONDS = 400


class Seen:
    """The requests to a proxy since the object's creation."""

    def __init__(self, live):
        self.log = live.proxy.log
        self.begin = self.log.stat().st_size

    def __call__(self):
        """Return the counts of accepted connections, refused connections and POSTs."""
        log = self.log.read_bytes()[self.begin :].decode(errors="replace")
        return codex_cli.count_requests(log)


def fault(turns, after):
    """Return why a session did not keep to one connection; "" if it did.

    `after` has the counts of requests after each turn.
    """
    for number, (turn, requests) in enumerate(zip(turns, after, strict=True), 1):
        at = f"turn {number} of {len(turns)} ({PROMPTS[number - 1]})"
        if requests["posts"]:
            return f"falls back to HTTP at {at}"
        if turn.status != "completed":
            return f"{at} {turn.status}"
    requests = after[-1]
    if requests["refused"] or requests["accepted"] != 1:
        return f"{requests['accepted']} connections, {requests['refused']} refused"
    return ""


def same(bodies, over_http, version):
    """Tell whether the provider got the same bodies by both ways, but for permitted differences."""
    return len(bodies) == len(over_http) and not any(
        not is_permitted(path, version)
        for pair in zip(bodies, over_http, strict=True)
        for path in differences(*(without_dropped(body, version) for body in pair))
    )


def test_a_session(place, codex, binary, hold):
    """Six turns, with commands, reasoning and apply_patch, complete; the bridge needs no HTTP.

    Stock's own WebSocket to `openai/` carries frames instead of bodies, so they are not compared
    there.
    """
    version, model = codex
    more = SOON if place.side == STOCK else ""
    seen, after = Seen(place.live), []
    turns, bodies = converse(
        place.live,
        binary,
        MASTER_KEY,
        websockets=True,
        model=model,
        more=more,
        after=lambda: after.append(seen()),
    )
    words = fault(turns, after)
    if not words:
        _, over_http = converse(place.live, binary, MASTER_KEY, websockets=False, model=model)
        native = place.side == STOCK and not bodies
        equal = native or same(bodies, over_http, version)
        words = CODEX_RIGHT if equal else "6 turns over one connection, other bodies than over HTTP"
    hold(place, codex_row(version, model), words)


@pytest.mark.slow
def test_the_whole_wait(newest, waits):
    """With Codex's defaults an apply_patch turn is retried on stock, and not on the bridge."""
    took, seen = {}, Seen(newest.live)

    def run(version):
        url = f"{newest.live.proxy.url}/v1"
        binary = codex_cli.install(version)
        with session(binary, url, "managed-5.4", MASTER_KEY, timeout=WAIT_SECONDS) as server:
            took[version] = server.turn("TRIGGERCUSTOM")

    threads = [threading.Thread(target=run, args=[version]) for version in CODEX]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [took[version].status for version in CODEX] == ["completed"] * len(CODEX)
    again = seen()["accepted"] - len(CODEX) + seen()["posts"]
    assert again > 0 if newest.side == STOCK else again == 0
    waits[f"LiteLLM {NEWEST}, {newest.side}"] = {
        version: round(took[version].seconds, 1) for version in CODEX
    }
