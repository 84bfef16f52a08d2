"""Every row of `support.release_rows`, on each release: stock as found, the bridge as HTTP."""

from __future__ import annotations

import pytest

from support.every_release import BRIDGE
from support.release_client import HTTP
from support.release_rows import ROWS

pytestmark = pytest.mark.timeout(900)  # the first row of a place starts its proxy and runs them all


def test_a_row(place, row, hold):
    """Stock does what the page says of it; the bridge does right, and HTTP beside it comes to the same."""
    hold(place, row, place.found[row, place.side])
    if place.side == BRIDGE and ROWS[row].http:
        assert place.found[row, HTTP] == ROWS[row].right
