"""Whatever shape an error had, the client gets one it can see."""

import json

import pytest

from endpoint_patch.versions.v2_0_0.inserted.answers import events_of_response
from endpoint_patch.versions.v2_0_0.inserted.errors import (
    error_event_from_body,
    error_event_from_stream,
    is_lost_identity,
)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, 400),
        (401, 400),
        (403, 400),
        (404, 400),
        (413, 400),
        (422, 400),
        (429, 429),
        (500, 500),
        (503, 503),
        (302, 500),
    ],
)
def test_a_retry_that_cannot_help_is_not_provoked(status, told):
    """Codex retries for 13 s on 401, 403 and 404; on 400 it stops and shows the message."""
    body = {"error": {"message": "no", "type": "t", "code": "c", "param": "p"}}
    event = error_event_from_body(status, json.dumps(body).encode())
    assert event["status"] == told
    assert event["error"] == {"message": "no", "type": "t", "code": "c", "param": "p"}


def test_a_spent_budget_is_no_rate_limit():
    """Codex would retry a 429 for 12 s; a budget does not come back by waiting."""
    body = b'{"error":{"message":"m","type":"budget_exceeded","code":"429"}}'
    event = error_event_from_body(429, body)
    assert (event["status"], event["error"]["code"]) == (400, "429")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The request failed."),
        (b"Bad Gateway", "Bad Gateway"),
        (b'{"detail":"no"}', "no"),
        (b'{"detail":[{"loc":["x"]}]}', '[{"loc": ["x"]}]'),
        (b'{"error":"plain"}', "plain"),
        (b"[1]", "The request failed."),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_any_body_becomes_an_error_object(body, message):
    """An error that is a string breaks some clients; an empty one tells nothing."""
    event = error_event_from_body(502, body)
    assert (event["type"], event["status"]) == ("error", 502)
    assert event["error"]["message"] == message
    assert event["error"]["code"] == "502"


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({"error": {"message": "m", "code": "429", "type": "None", "param": "None"}}, 429, "429"),
        ({"error": {"message": "m", "code": 500}}, 500, "500"),
        (
            {"type": "error", "code": "rate_limit_exceeded", "message": "m", "param": None},
            429,
            "rate_limit_exceeded",
        ),
        (
            {"type": "error", "code": "context_length_exceeded", "message": "m"},
            400,
            "context_length_exceeded",
        ),
        ({"type": "error", "code": None, "message": "m"}, 500, "500"),
        ({"type": "error", "status": 404, "error": {"message": "m", "code": "x"}}, 400, "x"),
        (
            {"type": "error", "status": True, "error": {"message": "m", "code": "invalid_value"}},
            400,
            "invalid_value",
        ),
        ({"type": "error", "error": "m"}, 500, "500"),
    ],
)
def test_an_error_inside_a_stream_gets_a_status(event, status, code):
    """LiteLLM's, OpenAI's flat and the WebSocket's own shape all become the last."""
    told = error_event_from_stream(event)
    assert (told["type"], told["status"]) == ("error", status)
    assert (told["error"]["code"], told["error"]["message"]) == (code, "m")


@pytest.mark.parametrize(
    ("status", "error_type", "lost"),
    [
        (401, "auth_error", True),
        (401, "expired_key", True),
        (401, "key_model_access_denied", False),
        (401, "team_model_access_denied", False),
        (401, "authentication_error", False),
        (401, None, False),
        (400, "budget_exceeded", False),
        (403, "auth_error", False),
    ],
)
def test_only_a_lost_identity_ends_the_connection(status, error_type, lost):
    """A forbidden model leaves the connection usable for the permitted ones."""
    body = json.dumps({"error": {"message": "m", "type": error_type}}).encode()
    assert is_lost_identity(status, error_event_from_body(status, body)) is lost


def test_a_whole_response_becomes_a_proper_sequence():
    """Created first, each item added and done, one terminal event, numbered without gap."""
    text = {"type": "output_text", "text": "no", "annotations": []}
    message = {"type": "message", "id": "m1", "role": "assistant", "content": [text]}
    response = {"id": "r", "object": "response", "status": "completed", "output": [message]}
    events = events_of_response(response)
    assert [event["type"] for event in events] == [
        "response.created",
        "response.output_item.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(6))
    assert events[0]["response"]["output"] == []
    assert events[-1]["response"] == response


def test_a_guardrail_s_message_becomes_whole():
    """LiteLLM's guardrails answer with a bare text; clients need a message of the assistant."""
    bare = {"content": [{"type": "text", "text": "blocked"}]}
    events = events_of_response({"id": "r", "output": [bare]})
    done = next(event for event in events if event["type"] == "response.output_item.done")
    assert done["item"]["type"] == "message"
    assert done["item"]["role"] == "assistant"
    assert done["item"]["content"] == [
        {"type": "output_text", "text": "blocked", "annotations": []}
    ]
    assert events[-1]["response"]["output"] == [done["item"]]


@pytest.mark.parametrize("status", ["failed", "incomplete"])
def test_a_whole_response_that_failed_says_so(status):
    """Its terminal event is of its own status."""
    assert events_of_response({"status": status, "output": []})[-1]["type"] == f"response.{status}"
