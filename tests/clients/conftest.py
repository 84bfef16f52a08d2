"""The matrix of releases, clients and cases, with one program per way, and its table."""

from __future__ import annotations

import contextlib

import pytest

from litellm_overlay.errors import OverlayError
from pins import PINS
from support import client_packages, matrix, outcomes
from support.client_packages import CLIENTS, WAYS
from support.fleet import Fleet

SEEN = pytest.StashKey[outcomes.Cells]()


def pytest_addoption(parser):
    """Add --matrix and --write-docs."""
    matrix.add_options(
        parser,
        small="the newest affected LiteLLM alone, without the cases that clients retry",
        pages="docs/clients.md",
    )


def pytest_configure(config):
    """Start with an empty table."""
    config.stash[SEEN] = {}


def pytest_sessionstart(session):
    """Install the clients; one line says what this machine lacks."""
    if not session.config.option.collectonly:
        try:
            client_packages.install()
        except OverlayError as error:
            raise pytest.UsageError(f"{error}; {error.hint}") from None


def pytest_generate_tests(metafunc):
    """Parametrize with releases, then clients, outermost: proxies and programs start once."""
    small = matrix.is_small(metafunc.config)
    releases = PINS["litellm-codex"][-1:] if small else PINS["litellm-clients"]
    if "litellm" in metafunc.fixturenames:
        metafunc.parametrize("litellm", releases, scope="session")
    if "client" in metafunc.fixturenames:
        names = [client.name for client in CLIENTS]
        metafunc.parametrize("client", CLIENTS, ids=names, scope="module")
    if "case" in metafunc.fixturenames:
        cases = [case for case in outcomes.CASES if case.quick or not small]
        metafunc.parametrize("case", cases, ids=[case.name for case in cases])


def pytest_terminal_summary(terminalreporter, config):
    """Fail the run if docs/clients.md differs from it, or write the page with --write-docs."""
    seen, session = config.stash[SEEN], terminalreporter._session
    if config.getoption("write_docs") and session.exitstatus == 0:
        outcomes.write(seen)
        terminalreporter.write_line(f"wrote {outcomes.DOCS.name}")
    elif found := outcomes.differences(seen):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        terminalreporter.write_line("FAILED: docs/clients.md tells something else", red=True)
        for difference in [*found, f"after a look: {outcomes.COMMAND}"]:
            terminalreporter.write_line(f"  {difference}")


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Yield the session's proxies: `fleet.get(version, patch)`."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    fleet.close()


@pytest.fixture(scope="session")
def live(fleet, litellm):
    """Return a proxy with the newest patch of line 2.x."""
    return fleet.get(litellm, "2.0.0")


@pytest.fixture(scope="module")
def programs(live, client, tmp_path_factory):
    """Run a client's program once per way; yield {way: program}."""
    url = f"{live.proxy.url}/v1"
    with contextlib.ExitStack() as stack:
        running = {}
        for way in WAYS:
            run = client_packages.running(client, tmp_path_factory.mktemp(way), url, way)
            running[way] = stack.enter_context(run)
        yield running


@pytest.fixture
def note(request, litellm, client):
    """Return a function that sets a cell of the table: `note(case, cell)`."""
    seen = request.config.stash[SEEN]

    def note(case, cell):
        seen[litellm, case, client.name] = cell

    return note
