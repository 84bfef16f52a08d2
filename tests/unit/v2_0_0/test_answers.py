"""Event sequences that the bridge creates: valid for the newest types, without invented content."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.answers import (
    cancelled_event,
    events_of_response,
    warm_up_events,
)
from support.openai_types import check_event

TEXT = {"type": "output_text", "text": "no", "annotations": []}
MESSAGE = {
    "type": "message",
    "id": "m1",
    "role": "assistant",
    "status": "completed",
    "content": [TEXT],
}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESPONSE = {"id": "r", "object": "response", "status": "completed", "model": "m"}


def kinds(events):
    return [event["type"] for event in events]


def test_a_warm_up_has_a_beginning_and_an_end():
    """A warm-up has two numbered events, and no usage."""
    events = warm_up_events("resp_1", "m")
    for event in events:
        check_event(event)
    assert kinds(events) == ["response.created", "response.completed"]
    assert [event["sequence_number"] for event in events] == [0, 1]
    assert events[1]["response"]["usage"]["total_tokens"] == 0


def test_a_whole_response_becomes_a_proper_sequence():
    """A whole response becomes a numbered sequence: created, each item, one terminal event."""
    events = events_of_response({**RESPONSE, "output": [MESSAGE, CALL]})
    for event in events:
        check_event(event)
    assert kinds(events) == [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    assert events[0]["response"]["output"] == []
    assert events[1]["item"]["content"] == []  # an accumulator would add the text twice
    ended = events[-1]["response"]
    assert RESPONSE.items() <= ended.items()
    assert ended["output"][0] == MESSAGE
    assert CALL.items() <= ended["output"][1].items()
    # The Vercel AI SDK accepts no call without these two.
    assert ended["output"][1]["status"] == "completed"
    assert ended["output"][1]["id"].startswith("fc_")


def test_a_guardrail_s_message_becomes_whole():
    """A guardrail's bare text becomes an assistant's message, which clients need."""
    bare = {"content": [{"type": "text", "text": "blocked"}]}
    events = events_of_response({"id": "r", "output": [bare], "usage": {"input_tokens": 3}})
    for event in events:
        check_event(event)
    done = next(event for event in events if event["type"] == "response.output_item.done")
    assert done["item"]["type"] == "message"
    assert done["item"]["role"] == "assistant"
    assert done["item"]["content"] == [
        {"type": "output_text", "text": "blocked", "annotations": []}
    ]
    assert events[-1]["response"]["output"] == [done["item"]]
    assert events[-1]["response"]["usage"]["input_tokens"] == 3


@pytest.mark.parametrize("status", ["failed", "incomplete"])
def test_a_whole_response_that_failed_says_so(status):
    """The terminal event of a failed or incomplete response has that status as its type."""
    event = events_of_response({"status": status, "output": []})[-1]
    check_event(event)
    assert event["type"] == f"response.{status}"


@pytest.mark.parametrize(
    "item", [{}, {"content": "text"}, {"type": "x"}, {"type": []}, {"type": "message"}]
)
def test_an_odd_item_passes(item):
    """An item that the bridge does not understand stays unchanged."""
    assert events_of_response({"output": [item]})[-1]["response"]["output"] == [item]


@pytest.mark.parametrize("told", [{}, {"id": "resp_1", "model": "m", "usage": None}])
def test_a_cancelled_turn_ends_for_every_iterator(told):
    """A cancelled turn ends with `response.incomplete`, which SDKs know, and status "cancelled"."""
    event = {**cancelled_event(told), "sequence_number": 7}
    check_event(event)
    assert event["type"] == "response.incomplete"
    assert event["response"]["status"] == "cancelled"
    assert told.get("id", event["response"]["id"]) == event["response"]["id"]
