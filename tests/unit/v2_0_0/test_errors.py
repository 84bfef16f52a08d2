"""The events that say that something went wrong, as the newest types have them."""

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
    """A status for Codex, a sequence number for the Vercel AI SDK, four members for all."""
    check_event(event)
    assert set(event) == {"type", "status", "sequence_number", "error"}
    assert set(event["error"]) >= {"type", "code", "message", "param"}
    assert type(event["status"]) is int


def test_details_cannot_hide_what_every_client_reads():
    """A provider's further members stand beside the four, never in place of them."""
    error = error_event(400, "m", code="c", details={"message": 7, "code": [], "x": 1})["error"]
    assert error == {
        "type": "invalid_request_error",
        "code": "c",
        "message": "m",
        "param": None,
        "x": 1,
    }
