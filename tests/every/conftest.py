"""Each release with upstream's fix, stock and with the bridge, one proxy at a time."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from litellm_overlay.local import codex_cli
from pins import PINS
from support import every_release, matrix
from support.every_place import Place, proxy_of
from support.every_release import BRIDGE, NEWEST, STOCK
from support.release_rows import ROWS

SIDES = (STOCK, BRIDGE)
SEEN = pytest.StashKey[every_release.Seen]()
WAITS = pytest.StashKey[dict]()


def pytest_addoption(parser):
    """Add --matrix and --write-docs."""
    matrix.add_options(
        parser,
        small="six releases, without what takes long, and one Codex session each",
        pages="docs/every-release.*",
    )


def pytest_configure(config):
    """Start with empty tables, and register the marker `slow`."""
    config.stash[SEEN], config.stash[WAITS] = {}, {}
    config.addinivalue_line("markers", "slow: not part of --matrix small")


def pytest_collection_modifyitems(config, items):
    """Leave out in the short form what only the full form runs."""
    if matrix.is_small(config):
        left_out = [item for item in items if is_left_out(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def is_left_out(item):
    """Tell whether only the full form runs a test: slow ones, and Codex on older stock releases.

    Codex would wait long there; the row of apply_patch shows the defect without the wait.
    """
    params = item.callspec.params if hasattr(item, "callspec") else {}
    older = params.get("place", (NEWEST,))[0] != NEWEST
    waits = "codex" in params and older and params["place"][1] == STOCK
    return waits or item.get_closest_marker("slow") is not None


def pytest_generate_tests(metafunc):
    """Parametrize with release and side outermost, so that each proxy starts once."""
    small = matrix.is_small(metafunc.config)
    if "place" in metafunc.fixturenames:
        releases = PINS["litellm-every"] + ([] if small else PINS["litellm-every-full"])
        places = list(itertools.product(sorted(releases, key=every_release.version), SIDES))
        ids = ["-".join(place) for place in places]
        metafunc.parametrize("place", places, ids=ids, indirect=True, scope="session")
    if "newest" in metafunc.fixturenames:
        metafunc.parametrize("newest", SIDES, indirect=True)
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", [name for name in ROWS if not (small and ROWS[name].slow)])
    if "codex" in metafunc.fixturenames:
        cells = list(itertools.product(every_release.CODEX, every_release.MODELS))
        few = [(every_release.CODEX[1], "managed-5.4")]
        metafunc.parametrize("codex", few if small else cells, ids="-".join)


@pytest.fixture(scope="session")
def place(request, tmp_path_factory):
    """Run one side of one release with all its rows in parallel, since they mostly wait."""
    release, side = request.param
    with proxy_of(release, side, tmp_path_factory.mktemp("every") / "place") as live:
        yield Place(release, side, live, small=matrix.is_small(request.config))


@pytest.fixture
def newest(request, tmp_path):
    """Run one side of the newest release, without running its rows."""
    with proxy_of(NEWEST, request.param, tmp_path / "place") as live:
        yield SimpleNamespace(side=request.param, live=live)


@pytest.fixture
def hold(request):
    """Return a function that notes an outcome and checks it.

    The bridge must have the right outcome, stock the one of docs/every-release.json.
    """
    writing = request.config.getoption("write_docs")

    def hold(place, row, words):
        seen = request.config.stash[SEEN].setdefault(place.release, {}).setdefault(place.side, {})
        assert "Traceback" not in words, words
        seen[row] = words
        if place.side == BRIDGE:
            assert words == every_release.RIGHT[row]
        elif not writing:
            told = every_release.read()["rows"].get(place.release, {}).get(STOCK, {})
            assert words == told.get(row), f"after a look: {every_release.COMMAND}"

    return hold


@pytest.fixture
def waits(request):
    """Return a dict for the durations of turns with Codex's default timeout."""
    return request.config.stash[WAITS]


@pytest.fixture
def binary(codex):
    """Return the Codex CLI, installed if missing; the test fails if that fails."""
    return codex_cli.install(codex[0])


def pytest_terminal_summary(exitstatus, config):
    """Write the file and its page if --write-docs is given and all tests passed."""
    if config.getoption("write_docs") and exitstatus == pytest.ExitCode.OK:
        every_release.write(config.stash[SEEN], config.stash[WAITS])
