"""Every kind of event that the bridge creates, checked with openai-python's newest types."""

import pytest

from support import made_events
from support.openai_types import check_event, is_unknown

MADE = made_events.by_name()


@pytest.mark.parametrize("events", MADE.values(), ids=MADE)
def test_what_the_bridge_makes_fits_the_newest_types(events):
    """Each event fits its type; an event of our own type has a sequence number."""
    for event in events:
        if is_unknown(event["type"]):
            assert event["type"].startswith("litellm_overlay.")
            assert type(event["sequence_number"]) is int
        else:
            check_event(event)
