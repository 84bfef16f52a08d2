"""The counts of a run: {verb: {exit code: number}}."""

from __future__ import annotations

import pytest

TALLY = pytest.StashKey[dict[str, dict[str, int]]]()
