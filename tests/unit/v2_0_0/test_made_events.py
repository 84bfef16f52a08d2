"""Every kind of event that the bridge makes, as openai-python's newest types have them."""

import pytest

from support import made_events
from support.openai_types import check_event, is_unknown

MADE = made_events.by_name()


@pytest.mark.parametrize("events", MADE.values(), ids=MADE)
def test_what_the_bridge_makes_fits_the_newest_types(events):
    """Each event with all that its type requires; one of our own type, with a number at least."""
    for event in events:
        if is_unknown(event["type"]):
            assert event["type"].startswith("litellm_overlay.")
            assert type(event["sequence_number"]) is int
        else:
            check_event(event)
