"""Every row of `support.release_rows` on each release: stock as documented, the bridge right."""

from __future__ import annotations

import pytest

from support.every_release import BRIDGE
from support.release_client import HTTP
from support.release_rows import ROWS

pytestmark = pytest.mark.timeout(900)  # the first row of a place starts its proxy and runs all rows


def test_a_row(place, row, hold):
    """Stock has its documented outcome; the bridge has the right one, and so has HTTP."""
    hold(place, row, place.found[row, place.side])
    if place.side == BRIDGE and ROWS[row].http:
        assert place.found[row, HTTP] == ROWS[row].right
