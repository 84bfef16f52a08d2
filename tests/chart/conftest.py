"""The chart's tests need programs written in Go that other tests do not need."""

from __future__ import annotations

import pytest

import tools


def pytest_collection_modifyitems(items):
    """Stop with one error that names the missing programs, instead of failing every test."""
    missing = [name for name in tools.CHART_TOOLS if not tools.path_of(name).exists()]
    if items and missing:
        raise pytest.UsageError(
            f"{' and '.join(missing)} missing; to build (needs Go): make build-tools"
        )
