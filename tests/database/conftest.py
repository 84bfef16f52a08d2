"""One Postgres for the session; one stock and one patched proxy a release, kept for all tests."""

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
    """Begin the tables."""
    config.stash[SEEN] = {}
    config.addinivalue_line("markers", "slow: not part of --matrix small")


def pytest_sessionstart(session):
    """Say in one line what is missing on this machine."""
    if not session.config.option.collectonly:
        database.require()


def pytest_collection_modifyitems(config, items):
    """Leave out what takes longest."""
    if matrix.is_small(config):
        left_out = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter, config):
    """Hold the docs' tables against this run, or write them."""
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
    """Multiply by the releases, outermost, so that each proxy is started once."""
    releases = PINS["litellm-database"]
    if matrix.is_small(metafunc.config):
        releases = releases[-1:]
    elif metafunc.module.__name__.rpartition(".")[2] in ACCOUNTING:
        releases = [*releases, *PINS["litellm-database-fixed"]]
    if "litellm" in metafunc.fixturenames:
        metafunc.parametrize("litellm", releases, scope="session")


@pytest.fixture(scope="session")
def postgres():
    """Run Postgres, empty."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def tables(postgres, litellm):
    """Make a database with the release's tables; its name."""
    return database.migrate(postgres, litellm)


@pytest.fixture(scope="session")
def provider(litellm, tmp_path_factory):
    """Run the mock provider."""
    env = database.environment_of(litellm, None)
    with database.provider(env, tmp_path_factory.mktemp("provider")) as mock:
        yield mock


@pytest.fixture(scope="session")
def start(postgres, tables, provider, litellm, tmp_path_factory):
    """Return what starts a proxy on the release's database, with further arguments of LiteLLM's."""

    def start(patch, *arguments):
        env = database.environment_of(litellm, patch)
        folder = tmp_path_factory.mktemp("proxy")
        return database.running(env, provider, postgres, tables, folder, extra_args=arguments)

    return start


@pytest.fixture(scope="session")
def proxies(start):
    """Run the release patched and as it is, on one database, started side by side: it is faster."""
    # A process of ours ends with the thread that started it, so the pool outlives the proxies.
    with ThreadPoolExecutor() as pool, contextlib.ExitStack() as stack:
        starting = [pool.submit(stack.enter_context, start(patch)) for patch in (PATCH, None)]
        yield [future.result() for future in starting]


@pytest.fixture(scope="session")
def bridge(proxies):
    """Return the patched proxy."""
    return proxies[0]


@pytest.fixture(scope="session")
def all_sides(proxies):
    """Return the three ways in."""
    patched, stock = proxies
    return [
        sides.Side("websocket", patched),
        sides.Side("http", patched),
        sides.Side("stock", stock),
    ]


@pytest.fixture
def note(request, litellm):
    """Put a row into the docs' tables: `note(row, websocket=…, http=…, stock=…)`."""
    seen = request.config.stash[SEEN]

    def note(row, table="turns", **cells):
        results.note(seen, litellm, table, row, cells)

    return note


@pytest.fixture
def check(note):
    """Require that WebSocket and HTTP came to the same, as expected; note it beside stock's."""

    def check(row, outcomes, statuses, stock=()):
        note(row, **{name: in_words(answers) for name, answers in outcomes.items()})
        assert_equal(outcomes["websocket"], outcomes["http"])
        assert [answer.status for answer in outcomes["websocket"]] == statuses, outcomes
        assert [answer.served for answer in outcomes.get("stock", ())] == list(stock), outcomes

    return check


@pytest.fixture
def compare(all_sides, check):
    """Run a scenario on all sides, then `check` what came of it."""

    async def compare(row, scenario, statuses, stock):
        check(row, await sides.run(all_sides, scenario), statuses, stock)

    return compare
