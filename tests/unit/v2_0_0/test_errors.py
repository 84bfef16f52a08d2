"""The error events of the bridge, checked with the newest types."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.errors import (
    RefusalError,
    error_event,
    internal_error,
)
from support.openai_types import check_event


@pytest.mark.parametrize(
    "event",
    [
        error_event(429, "m", code="c", error_type="t", param="p", details={"resets_at": 1}),
        internal_error(),
        RefusalError("m", "c", "p").event,
    ],
)
def test_an_error_event_is_whole(event):
    """An error event has an integer status, a sequence number, and OpenAI's four members."""
    check_event(event)
    assert set(event) == {"type", "status", "sequence_number", "error"}
    assert set(event["error"]) >= {"type", "code", "message", "param"}
    assert type(event["status"]) is int


def test_details_cannot_hide_what_every_client_reads():
    """A provider's further members are added to the four, and never replace them."""
    error = error_event(400, "m", code="c", details={"message": 7, "code": [], "x": 1})["error"]
    assert error == {
        "type": "invalid_request_error",
        "code": "c",
        "message": "m",
        "param": None,
        "x": 1,
    }
