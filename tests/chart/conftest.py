"""The chart's tests need Helm, and nothing else that the others do not."""

from __future__ import annotations

import pytest

from fakes import helm


def pytest_collection_modifyitems(items):
    """Say once what is missing, instead of in every test."""
    if items and not helm.find():
        raise pytest.UsageError("helm is missing; to build it (needs Go): make tools")
