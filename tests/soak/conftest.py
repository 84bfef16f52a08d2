"""One Postgres for the session; a mock provider and a patched proxy per test."""

from __future__ import annotations

import asyncio

import pytest
from rich.console import Console

from pins import PINS
from support import database, figures, matrix, people
from support.postgres import running_postgres

PATCH = "2.0.0"
RELEASE = PINS["litellm-database"][-1]
ROWS = pytest.StashKey[dict[str, list[str]]]()
ROUNDS = pytest.StashKey[list[dict[str, object]]]()


def pytest_addoption(parser):
    """Add --matrix and --write-docs."""
    matrix.add_options(
        parser,
        small="a tenth of the people",
        pages="docs/soak.*",
    )


def pytest_configure(config):
    """Start with empty tables, and register the marker `environ`."""
    config.stash[ROWS], config.stash[ROUNDS] = {}, []
    config.addinivalue_line("markers", "environ(**variables): of the proxy")


def pytest_sessionstart(session):
    """Install what a database needs; one line says what this machine lacks."""
    if not session.config.option.collectonly:
        database.require()


def pytest_terminal_summary(terminalreporter, config):
    """Print the tables of rounds and faults; write docs/soak.* if --write-docs is given."""
    rounds, faults = config.stash[ROUNDS], config.stash[ROWS]
    tables = figures.tables(f"LiteLLM {RELEASE}, patch {PATCH}", rounds, faults)
    for table in tables:
        Console(width=figures.WIDTH).print(table)
    green = terminalreporter._session.exitstatus == 0
    if config.getoption("write_docs") and green and rounds and faults:
        figures.write(rounds, faults, tables)


@pytest.fixture(scope="session")
def small(request):
    """Tell whether the run uses a tenth of the people."""
    return matrix.is_small(request.config)


@pytest.fixture(scope="session")
def postgres():
    """Yield an empty Postgres."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def tables(postgres):
    """Create a database with LiteLLM's tables; return its name."""
    return database.migrate(postgres, RELEASE)


@pytest.fixture
def provider(tmp_path):
    """Yield a mock provider for this test only."""
    with database.provider(database.environment_of(RELEASE, None), tmp_path) as mock:
        yield mock


TIMEOUT = 20  # seconds of the provider's silence after which LiteLLM gives up


@pytest.fixture
def flag(tmp_path):
    """Return the path of the drain file."""
    return tmp_path / "drain"


@pytest.fixture
def proxy(postgres, tables, provider, tmp_path, flag, request):
    """Run a proxy for this test only, since most tests harm theirs. It serves /metrics.

    The marker `environ` adds environment variables.
    """
    env = database.environment_of(RELEASE, PATCH, {"drainFile": str(flag)})
    marked = request.node.get_closest_marker("environ")
    more = {"timeout": TIMEOUT, "environ": marked and marked.kwargs, "callbacks": ["prometheus"]}
    with database.running(env, provider, postgres, tables, tmp_path, **more) as running:
        yield running


@pytest.fixture
def note_round(request):
    """Return a function that adds a round to the table."""
    return request.config.stash[ROUNDS].append


@pytest.fixture
def rounds_of(request):
    """Return a function that returns the noted rounds of a way."""
    return lambda way: [each for each in request.config.stash[ROUNDS] if each["way"] == way]


@pytest.fixture
def note(request, proxy, provider):
    """Return a function that tallies a fault's turns, adds them to the table and returns them."""

    async def note(name, turns, since):
        await asyncio.sleep(8)  # LiteLLM writes spend within 6 s
        # LiteLLM may write two rows for a failed turn, over HTTP as well; they bill nothing.
        query = """SELECT end_user, count(*) FROM "LiteLLM_SpendLogs"
            WHERE status IS DISTINCT FROM 'failure' GROUP BY end_user"""
        try:
            rows = await asyncio.to_thread(proxy.rows, query)
        except AssertionError:  # without a database there are no rows
            rows = []
        billed = {row["end_user"]: row["count"] for row in rows}
        calls = people.calls(provider.server.log)
        tally = people.tally(turns, calls, billed, since)
        request.config.stash[ROWS][name] = tally.row()
        return tally

    return note
