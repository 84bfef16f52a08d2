"""Every kind of event that the bridge creates is valid for the types of Vercel's `ai`."""

from __future__ import annotations

import pytest

from support import client_packages, made_events

MADE = made_events.by_name()
WRONG = "AI_TypeValidationError"


@pytest.fixture(scope="module")
def ai(tmp_path_factory):
    """Yield a program that feeds events to `ai` as a provider's stream."""
    client = client_packages.Client("ai", "ai_types.mjs")
    with client_packages.running(client, tmp_path_factory.mktemp("ai")) as program:
        yield program


@pytest.mark.parametrize("events", MADE.values(), ids=MADE)
def test_ai_finds_no_fault_with_an_event_of_ours(ai, events):
    """`ai` reports an error for the bridge's error events, and none for its other events."""
    answer = ai.ask({"events": events})
    told = any(event["type"] in {"error", "response.failed"} for event in events)
    assert WRONG not in answer["errors"], answer
    assert bool(answer["errors"]) is told, answer


def test_a_text_of_ours_is_read(ai):
    """`ai` reads the text of a message that the bridge creates."""
    assert ai.ask({"events": MADE["message"]})["text"] == "no"


def test_ai_would_say_so(ai):
    """`ai` rejects an error event without a sequence number, so the tests above can fail."""
    (error,) = MADE["internal error"]
    bare = {name: value for name, value in error.items() if name != "sequence_number"}
    assert ai.ask({"events": [bare]})["errors"] == [WRONG]
