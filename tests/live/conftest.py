"""Proxies for the live tests: each starts when a test first needs it; tests share them."""

from __future__ import annotations

import pytest

from pins import PINS
from support import doors
from support.fleet import Fleet

SEEN = pytest.StashKey[doors.Cells]()


def pytest_addoption(parser):
    """Add --write-docs."""
    parser.addoption("--write-docs", action="store_true", help="rewrite docs/doors.md")


def pytest_configure(config):
    """Start with empty tables."""
    config.stash[SEEN] = {}


def pytest_terminal_summary(terminalreporter, config):
    """Write docs/doors.md if --write-docs is given and all tests passed."""
    if config.getoption("write_docs") and terminalreporter._session.exitstatus == 0:
        doors.write(config.stash[SEEN])
        terminalreporter.write_line(f"wrote {doors.DOCS.name}")


@pytest.fixture
def write_docs(request):
    """Tell whether the run writes the docs; if so, tests do not compare with them."""
    return request.config.getoption("write_docs")


@pytest.fixture
def note_doors(request):
    """Return a function that adds cells to the tables of docs/doors.md."""
    return request.config.stash[SEEN].update


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Yield the session's proxies: `fleet.get(version, patch)`."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    fleet.close()


@pytest.fixture(scope="session", params=PINS["litellm-live"])
def litellm(request):
    """Return each LiteLLM release that the live tests run on."""
    return request.param


@pytest.fixture
def stock(fleet, litellm):
    """Return a proxy of LiteLLM as released."""
    return fleet.get(litellm)


@pytest.fixture
def relay(fleet, litellm):
    """Return a proxy with the newest patch of line 1.x."""
    return fleet.get(litellm, "1.0.0")


@pytest.fixture
def bridge(fleet, litellm):
    """Return a proxy with the newest patch of line 2.x."""
    return fleet.get(litellm, "2.0.0")


@pytest.fixture(params=["1.0.0", "2.0.0"])
def patched(request, fleet, litellm):
    """Return a proxy with the newest patch of each line."""
    return fleet.get(litellm, request.param)
