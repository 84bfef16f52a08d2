"""SDKs, installed from their packages, have the same outcomes over WebSocket as over HTTP."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
import pytest

from support import outcomes
from support.client_packages import WAYS

pytestmark = pytest.mark.timeout(180)

ANSWER = "Hello from the mock model."
# Shows neither the content of `error` and `response.failed` nor a refused handshake's reason.
SILENT = "openai-agents (JS)"


@dataclass(frozen=True)
class Outcome:
    """A client's answer or error, and the bodies that the provider received."""

    said: str | None
    error: str | None
    bodies: list[dict]
    why: str  # LiteLLM's own message for a refusal

    @property
    def is_told(self):
        """Tell whether the error contains LiteLLM's message, apart from quoting."""
        return self.error is not None and bare(self.why.splitlines()[0]) in bare(self.error)

    def in_words(self, case):
        """Return the words for the table."""
        words = "completed" if self.error is None else "told" if self.is_told else self.shown
        if not self.bodies:
            return words
        calls = f"{len(self.bodies)} call{'' if len(self.bodies) == 1 else 's'}"
        return f"{words}, {calls}{past(self.bodies[-1]) if case.does == 'chain' else ''}"

    @property
    def shown(self):
        """Return what the error has in place of LiteLLM's message: a status, or its whole text."""
        if status := re.search(r"\b[45]\d\d\b", self.error):
            return f"{status[0]} alone"
        return f'"{self.error}"' if self.error else "no words"


def bare(text):
    """Return a text without quotes and backslashes."""
    return re.sub(r"[\\\"']", "", text)


def past(body):
    """Return how the provider got the earlier turns: by id, whole, or not at all."""
    if body.get("previous_response_id"):
        return ", by id"
    items = body.get("input") or body.get("messages")
    return ", whole" if len(items) > 1 else ", its past lost"


def why(live, case):
    """Return LiteLLM's message over HTTP, or that of the mock's failed response."""
    if case.served or case.text == "TRIGGERFAILED":
        return "The mock model failed"
    body = {"model": case.model, "input": case.text, "previous_response_id": case.previous}
    key = {"Authorization": f"Bearer {case.key}"}
    url = f"{live.proxy.url}/v1/responses"
    answer = httpx.post(
        url, json={**body, "stream": True}, headers=key, timeout=60, trust_env=False
    )
    assert answer.status_code >= 400, answer.text
    return answer.json()["error"]["message"]


def ask(live, program, case):
    """Run a case in a client's program; return its outcome."""
    reason = why(live, case)
    since = len(live.provider_log())
    told = ("does", "model", "text", "key", "previous")
    answer = program.ask({name: getattr(case, name) for name in told})
    records = live.provider_log()[since:]
    bodies = [record["body"] for record in records if record["kind"] == "request"]
    return Outcome(answer.get("said"), answer.get("error"), bodies, reason)


def test_a_client_comes_to_the_same_over_either_way(live, client, programs, case, note):
    """A client has the same result by both ways, and no more provider calls over WebSocket."""
    seen = {way: ask(live, programs[way], case) for way in WAYS}
    note(case.name, outcomes.cell(*(seen[way].in_words(case) for way in WAYS)))
    assert [outcome.said for outcome in seen.values()] == [ANSWER if case.served else None] * 2, (
        seen
    )
    ours, theirs = seen["websocket"], seen["http"]
    if case.does == "chain":
        assert past(ours.bodies[-1]) != ", its past lost"
    elif case.served:
        assert len(ours.bodies) == len(theirs.bodies)
    else:
        # LiteLLM 1.100.5 ends its stream with an event without a type, which `ai` cannot parse.
        unreadable = "Type validation failed" in theirs.error
        assert unreadable or len(ours.bodies) <= len(theirs.bodies), seen
        if not client.name.startswith(SILENT):
            assert theirs.is_told, seen
            assert ours.is_told or case.at_the_door, seen
