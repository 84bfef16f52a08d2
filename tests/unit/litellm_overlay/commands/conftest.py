"""What tests of verbs share. None of them asks the package index of this machine."""

from __future__ import annotations

import pytest

from fakes import package_index
from litellm_overlay.local import environment


@pytest.fixture(autouse=True)
def _index(monkeypatch, tmp_path):
    """Let whoever asks get no answer."""
    monkeypatch.setattr(environment, "index_url", lambda: "http://127.0.0.1:9/simple")
    monkeypatch.setenv("LITELLM_OVERLAY_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def index(monkeypatch):
    """Serve an index of our own, and let the verbs ask that."""
    with package_index.serving() as served:
        monkeypatch.setattr(environment, "index_url", lambda: served.url)
        yield served
