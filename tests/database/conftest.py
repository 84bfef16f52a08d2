"""One Postgres per session, and one stock and one patched proxy per release for all tests."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pins import PINS
from support import database, matrix, results, sides
from support.postgres import running_postgres
from support.turns import assert_equal, in_words

PATCH = "2.0.0"
ACCOUNTING = ("test_budgets", "test_limits", "test_spend")
SEEN = pytest.StashKey[results.Tables]()


def pytest_addoption(parser):
    """Add --matrix and --write-docs."""
    matrix.add_options(
        parser,
        small="the newest affected LiteLLM alone, without the tests marked slow",
        pages="docs/database.md",
    )


def pytest_configure(config):
    """Start with empty tables, and register the marker `slow`."""
    config.stash[SEEN] = {}
    config.addinivalue_line("markers", "slow: not part of --matrix small")


def pytest_sessionstart(session):
    """Install what a database needs; one line says what this machine lacks."""
    if not session.config.option.collectonly:
        database.require()


def pytest_collection_modifyitems(config, items):
    """Leave out the tests marked slow in the short form."""
    if matrix.is_small(config):
        left_out = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter, config):
    """Fail the run if docs/database.md differs from it; write the page with --write-docs."""
    seen, codex = config.stash[SEEN], PINS["codex"][-1]
    session = terminalreporter._session
    whole = (
        not matrix.is_small(config)
        and not config.option.keyword
        and [Path(argument).name for argument in config.args] == ["database"]
    )
    if config.getoption("write_docs") and session.exitstatus == 0 and whole:
        results.write(seen, codex)
        terminalreporter.write_line(f"wrote {results.DOCS.name}")
    elif found := results.differences(seen, results.read(results.DOCS.read_text()), whole=whole):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        terminalreporter.write_line("FAILED: docs/database.md tells something else", red=True)
        for difference in [*found, f"after a look: {results.COMMAND}"]:
            terminalreporter.write_line(f"  {difference}")


def pytest_generate_tests(metafunc):
    """Parametrize by release in the outermost place, so that each proxy starts once."""
    releases = PINS["litellm-database"]
    if matrix.is_small(metafunc.config):
        releases = releases[-1:]
    elif metafunc.module.__name__.rpartition(".")[2] in ACCOUNTING:
        releases = [*releases, *PINS["litellm-database-fixed"]]
    if "litellm" in metafunc.fixturenames:
        metafunc.parametrize("litellm", releases, scope="session")


@pytest.fixture(scope="session")
def postgres():
    """Yield an empty Postgres."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def tables(postgres, litellm):
    """Create a database with the release's tables; return its name."""
    return database.migrate(postgres, litellm)


@pytest.fixture(scope="session")
def provider(litellm, tmp_path_factory):
    """Yield the mock provider."""
    env = database.environment_of(litellm, None)
    with database.provider(env, tmp_path_factory.mktemp("provider")) as mock:
        yield mock


@pytest.fixture(scope="session")
def start(postgres, tables, provider, litellm, tmp_path_factory):
    """Return a function that runs a proxy on the release's database, with further arguments."""

    def start(patch, *arguments):
        env = database.environment_of(litellm, patch)
        folder = tmp_path_factory.mktemp("proxy")
        return database.running(env, provider, postgres, tables, folder, extra_args=arguments)

    return start


@pytest.fixture(scope="session")
def proxies(start):
    """Yield the patched and the stock proxy on one database, started in parallel to save time."""
    # A child process ends with the thread that started it, so the pool must outlive the proxies.
    with ThreadPoolExecutor() as pool, contextlib.ExitStack() as stack:
        starting = [pool.submit(stack.enter_context, start(patch)) for patch in (PATCH, None)]
        yield [future.result() for future in starting]


@pytest.fixture(scope="session")
def bridge(proxies):
    """Return the patched proxy."""
    return proxies[0]


@pytest.fixture(scope="session")
def all_sides(proxies):
    """Return the three sides: 2.0.0 over WebSocket, 2.0.0 over HTTP, and stock."""
    patched, stock = proxies
    return [
        sides.Side("websocket", patched),
        sides.Side("http", patched),
        sides.Side("stock", stock),
    ]


@pytest.fixture
def note(request, litellm):
    """Return a function that adds a row to the docs: `note(row, websocket=…, http=…, stock=…)`."""
    seen = request.config.stash[SEEN]

    def note(row, table="turns", **cells):
        results.note(seen, litellm, table, row, cells)

    return note


@pytest.fixture
def check(note):
    """Return a function that requires equal, expected outcomes by both ways, and notes the row."""

    def check(row, outcomes, statuses, stock=()):
        note(row, **{name: in_words(answers) for name, answers in outcomes.items()})
        assert_equal(outcomes["websocket"], outcomes["http"])
        assert [answer.status for answer in outcomes["websocket"]] == statuses, outcomes
        assert [answer.served for answer in outcomes.get("stock", ())] == list(stock), outcomes

    return check


@pytest.fixture
def compare(all_sides, check):
    """Return a function that runs a scenario on all sides and checks its outcomes."""

    async def compare(row, scenario, statuses, stock):
        check(row, await sides.run(all_sides, scenario), statuses, stock)

    return compare
