"""The chart's tests need Go programs that the other tests do not."""

from __future__ import annotations

import pytest

import tools


def pytest_collection_modifyitems(items):
    """Say once what is missing, instead of in every test."""
    missing = [name for name in tools.CHART_TOOLS if not tools.path_of(name).exists()]
    if items and missing:
        raise pytest.UsageError(
            f"{' and '.join(missing)} missing; to build (needs Go): make build-tools"
        )
