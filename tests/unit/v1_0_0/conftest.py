"""The relay with a scripted application."""

import pytest

from endpoint_patch.versions.v1_0_0.inserted.attach import attach_litellm_overlay
from fakes.proxy_app import starter


@pytest.fixture
def proxy(monkeypatch):
    """Return `start(**settings)`: a context manager that yields (ProxyApp, connect function)."""
    return starter(attach_litellm_overlay, monkeypatch)
