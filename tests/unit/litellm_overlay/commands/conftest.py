"""Fixtures for tests of verbs, which never ask this machine's package index."""

from __future__ import annotations

import pytest

from fakes import package_index
from litellm_overlay.local import environment


@pytest.fixture(autouse=True)
def _index(monkeypatch, tmp_path):
    """Set an index that does not answer, and an empty cache."""
    monkeypatch.setattr(environment, "index_url", lambda: "http://127.0.0.1:9/simple")
    monkeypatch.setenv("LITELLM_OVERLAY_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def index(monkeypatch):
    """Serve a package index and make the verbs use it."""
    with package_index.serving() as served:
        monkeypatch.setattr(environment, "index_url", lambda: served.url)
        yield served
