"""Running proxies for the live tests: started when first asked for, shared by the session."""

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
    """Begin the tables."""
    config.stash[SEEN] = {}


def pytest_terminal_summary(terminalreporter, config):
    """Write the docs, if every test that was asked for has gone well."""
    if config.getoption("write_docs") and terminalreporter._session.exitstatus == 0:
        doors.write(config.stash[SEEN])
        terminalreporter.write_line(f"wrote {doors.DOCS.name}")


@pytest.fixture
def write_docs(request):
    """Tell whether the docs are written, and so not held against this run."""
    return request.config.getoption("write_docs")


@pytest.fixture
def note_doors(request):
    """Put cells into the tables of docs/doors.md."""
    return request.config.stash[SEEN].update


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
