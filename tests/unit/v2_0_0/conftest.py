"""The bridge in front of a scripted application."""

import sys

import pytest

from endpoint_patch.versions.v2_0_0.inserted.attach import attach_litellm_overlay
from endpoint_patch.versions.v2_0_0.inserted.memory import Memory
from endpoint_patch.versions.v2_0_0.inserted.session import Session
from fakes.proxy_app import starter


@pytest.fixture(autouse=True)
def without_metrics(request, monkeypatch):
    """Hide prometheus_client, since many bridges would share one registry; `numbers` keeps it."""
    if "numbers" not in request.fixturenames:
        monkeypatch.setitem(sys.modules, "prometheus_client", None)


@pytest.fixture
def numbers():
    """Return `read(name, **labels)`: the overlay's sample in the default registry, or None."""
    import prometheus_client

    registry = prometheus_client.REGISTRY
    before = set(registry._collector_to_names)
    yield lambda name, **labels: registry.get_sample_value(f"litellm_overlay_{name}", labels)
    for collector in set(registry._collector_to_names) - before:
        registry.unregister(collector)


@pytest.fixture
def proxy(monkeypatch):
    """Return `start(**settings)`: a context manager that yields (ProxyApp, connect function)."""
    return starter(attach_litellm_overlay, monkeypatch)


@pytest.fixture
def session():
    """Return a Session, which holds the memory of one connection."""
    return Session(Memory(1 << 20, 100))
