"""Every kind of event that the bridge makes, as Vercel's `ai` has their types."""

from __future__ import annotations

import pytest

from support import client_packages, made_events

MADE = made_events.by_name()
WRONG = "AI_TypeValidationError"


@pytest.fixture(scope="module")
def ai(tmp_path_factory):
    """Run what gives `ai` a provider's stream."""
    client = client_packages.Client("ai", "ai_types.mjs")
    with client_packages.running(client, tmp_path_factory.mktemp("ai")) as program:
        yield program


@pytest.mark.parametrize("events", MADE.values(), ids=MADE)
def test_ai_finds_no_fault_with_an_event_of_ours(ai, events):
    """An error is taken for the error it is, everything else for no error at all."""
    answer = ai.ask({"events": events})
    told = any(event["type"] in {"error", "response.failed"} for event in events)
    assert WRONG not in answer["errors"], answer
    assert bool(answer["errors"]) is told, answer


def test_a_text_of_ours_is_read(ai):
    """As one that a model had streamed."""
    assert ai.ask({"events": MADE["message"]})["text"] == "no"


def test_ai_would_say_so(ai):
    """Without its number an error is not even read."""
    (error,) = MADE["internal error"]
    bare = {name: value for name, value in error.items() if name != "sequence_number"}
    assert ai.ask({"events": [bare]})["errors"] == [WRONG]
