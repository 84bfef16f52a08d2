"""Events that start no turn: their answers end no turn either."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.asides import refused_event
from endpoint_patch.versions.v2_0_0.inserted.frames import ControlEvent
from support.client import TERMINAL
from support.openai_types import check_event, is_unknown


def refused(**event):
    return refused_event(ControlEvent(event, None))


@pytest.mark.parametrize("text", ["more", [{"type": "message", "role": "user", "content": "more"}]])
def test_steering_is_refused_as_openai_would(text):
    """A steer fails with OpenAI's event, which returns its input for the client's next turn."""
    event = refused(type="response.steer", previous_response_id="resp_1", input=text)
    check_event(event)
    assert event["type"] == "response.steer.failed"
    assert event["error"]["code"] == "steering_not_supported"
    assert event["steer"] == {"previous_response_id": "resp_1", "input": text}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "session.update"}, "unknown_event"),
        ({"type": "response.steer"}, "unknown_event"),
        ({"type": "response.steer", "previous_response_id": 7, "input": "x"}, "unknown_event"),
        ({"type": "response.cancel"}, "response_not_found"),
        ({"type": "response.cancel", "response_id": "resp_1"}, "response_not_found"),
        ({"type": "x" * 1000, "event_id": "evt_1"}, "unknown_event"),
        ({"type": "error", "event_id": 7}, "unknown_event"),
    ],
)
def test_what_is_ignored_is_told_in_a_type_that_no_client_takes_for_an_end(event, code):
    """An ignored event is answered with an event that no client takes for a terminal one.

    It names the event and the reason, and its size is bounded.
    """
    told = refused(**event)
    assert is_unknown(told["type"])
    assert told["type"] not in TERMINAL
    assert "error" not in told  # some clients check only for this
    assert (told["code"], told["event_type"]) == (code, event["type"][:256])
    assert told["event_id"] in (None, "evt_1")
    assert type(told["sequence_number"]) is int


@pytest.mark.parametrize(
    ("event", "running", "cancels"),
    [
        ({"type": "response.cancel"}, {"resp_1"}, True),
        ({"type": "response.cancel"}, set(), True),  # no id has reached the client yet
        ({"type": "response.cancel", "response_id": "resp_1"}, {"resp_1", "resp_2"}, True),
        ({"type": "response.cancel", "response_id": "resp_9"}, {"resp_1"}, False),
        ({"type": "response.cancel", "response_id": 7}, {"resp_1"}, False),
        ({"type": "response.cancel", "response_id": ["resp_1"]}, {"resp_1"}, False),
        ({"type": "response.cancel"}, None, False),
        ({"type": "response.cancel", "response_id": "resp_1"}, None, False),
        ({"type": "response.steer"}, {"resp_1"}, False),
    ],
)
def test_a_cancel_is_of_the_lane_s_running_response(event, running, cancels):
    """A cancel matches the lane's running response by either of its ids, or without an id."""
    assert ControlEvent(event, None).cancels(running) is cancels
