"""One Postgres, one provider, one patched LiteLLM on them; `--matrix small` is for CI."""

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
    """Begin the table."""
    config.stash[ROWS], config.stash[ROUNDS] = {}, []
    config.addinivalue_line("markers", "environ(**variables): of the proxy")


def pytest_sessionstart(session):
    """Say in one line what is missing on this machine."""
    if not session.config.option.collectonly:
        database.require()


def pytest_terminal_summary(terminalreporter, config):
    """Print what came of the rounds and of the faults; write it down if that is asked for."""
    rounds, faults = config.stash[ROUNDS], config.stash[ROWS]
    tables = figures.tables(f"LiteLLM {RELEASE}, patch {PATCH}", rounds, faults)
    for table in tables:
        Console(width=figures.WIDTH).print(table)
    green = terminalreporter._session.exitstatus == 0
    if config.getoption("write_docs") and green and rounds and faults:
        figures.write(rounds, faults, tables)


@pytest.fixture(scope="session")
def small(request):
    """Tell whether few people will do."""
    return matrix.is_small(request.config)


@pytest.fixture(scope="session")
def postgres():
    """Run Postgres with LiteLLM's tables."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def tables(postgres):
    """Make LiteLLM's tables; the database's name."""
    return database.migrate(postgres, RELEASE)


@pytest.fixture
def provider(tmp_path):
    """Run a mock provider that nobody else speaks to."""
    with database.provider(database.environment_of(RELEASE, None), tmp_path) as mock:
        yield mock


TIMEOUT = 20  # seconds without a word from the provider, after which LiteLLM gives up


@pytest.fixture
def flag(tmp_path):
    """Return the file that has the proxy drain."""
    return tmp_path / "drain"


@pytest.fixture
def proxy(postgres, tables, provider, tmp_path, flag, request):
    """Run a proxy of this test's own, since most tests leave it worse than it was.

    The mark `environ` gives it further variables. It serves /metrics.
    """
    env = database.environment_of(RELEASE, PATCH, {"drainFile": str(flag)})
    marked = request.node.get_closest_marker("environ")
    more = {"timeout": TIMEOUT, "environ": marked and marked.kwargs, "callbacks": ["prometheus"]}
    with database.running(env, provider, postgres, tables, tmp_path, **more) as running:
        yield running


@pytest.fixture
def note_round(request):
    """Return what puts a round into the table."""
    return request.config.stash[ROUNDS].append


@pytest.fixture
def rounds_of(request):
    """Return what gives the two rounds of a way that have been noted."""
    return lambda way: [each for each in request.config.stash[ROUNDS] if each["way"] == way]


@pytest.fixture
def note(request, proxy, provider):
    """Count the turns of a fault, put them into the table, and return the counts."""

    async def note(name, turns, since):
        await asyncio.sleep(8)  # LiteLLM writes spend every 6 s at the latest
        # Of a turn that failed LiteLLM may write two rows, over HTTP as well; they bill nothing.
        query = """SELECT end_user, count(*) FROM "LiteLLM_SpendLogs"
            WHERE status IS DISTINCT FROM 'failure' GROUP BY end_user"""
        try:
            rows = await asyncio.to_thread(proxy.rows, query)
        except AssertionError:  # without a database nothing was written
            rows = []
        billed = {row["end_user"]: row["count"] for row in rows}
        calls = people.calls(provider.server.log)
        tally = people.tally(turns, calls, billed, since)
        request.config.stash[ROWS][name] = tally.row()
        return tally

    return note
