"""Running proxies for the live tests: started when first asked for, shared by the session."""

from __future__ import annotations

import pytest

from fakes.fleet import Fleet
from fakes.pins import PINS


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Every proxy of this session: `fleet.get(version, patch)`."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    fleet.close()


@pytest.fixture(scope="session", params=PINS["litellm-live"])
def litellm(request):
    """Each LiteLLM release that the live tests run on."""
    return request.param


@pytest.fixture
def stock(fleet, litellm):
    """LiteLLM as released."""
    return fleet.get(litellm)


@pytest.fixture
def relay(fleet, litellm):
    """LiteLLM with the newest patch of line 1.x."""
    return fleet.get(litellm, "1.0.0")


@pytest.fixture
def bridge(fleet, litellm):
    """LiteLLM with the newest patch of line 2.x."""
    return fleet.get(litellm, "2.0.0")


@pytest.fixture(params=["1.0.0", "2.0.0"])
def patched(request, fleet, litellm):
    """LiteLLM with each line of the patch."""
    return fleet.get(litellm, request.param)
