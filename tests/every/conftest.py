"""Each release with upstream's fix, as released and with the bridge: one proxy at a time."""

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
    """Begin the tables."""
    config.stash[SEEN], config.stash[WAITS] = {}, {}
    config.addinivalue_line("markers", "slow: not part of --matrix small")


def pytest_collection_modifyitems(config, items):
    """Leave out what takes longest."""
    if matrix.is_small(config):
        left_out = [item for item in items if is_left_out(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def is_left_out(item):
    """Tell what only the full form runs: what is slow, and Codex on stock of older releases.

    That it would wait there the row of apply_patch shows, without the wait.
    """
    params = item.callspec.params if hasattr(item, "callspec") else {}
    older = params.get("place", (NEWEST,))[0] != NEWEST
    waits = "codex" in params and older and params["place"][1] == STOCK
    return waits or item.get_closest_marker("slow") is not None


def pytest_generate_tests(metafunc):
    """Multiply the releases and the two sides, outermost, so that each proxy is started once."""
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
    """Run one side of one release, and all its rows at once: they mostly wait."""
    release, side = request.param
    with proxy_of(release, side, tmp_path_factory.mktemp("every") / "place") as live:
        yield Place(release, side, live, small=matrix.is_small(request.config))


@pytest.fixture
def newest(request, tmp_path):
    """Run one side of the newest release, and nothing on it."""
    with proxy_of(NEWEST, request.param, tmp_path / "place") as live:
        yield SimpleNamespace(side=request.param, live=live)


@pytest.fixture
def hold(request):
    """Note what was seen, and hold it: the bridge to what is right, stock to the file."""
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
    """Return where to note what a turn took that was not cut short."""
    return request.config.stash[WAITS]


@pytest.fixture
def binary(codex):
    """Install the Codex CLI; a test without it fails."""
    return codex_cli.install(codex[0])


def pytest_terminal_summary(exitstatus, config):
    """Write the file and its page, if all went well and that was asked for."""
    if config.getoption("write_docs") and exitstatus == pytest.ExitCode.OK:
        every_release.write(config.stash[SEEN], config.stash[WAITS])
