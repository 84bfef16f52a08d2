"""Two releases in a scratch checkout, made once per session since they take seconds."""

from __future__ import annotations

import pytest

from fakes.endpoint_module import STOCK
from support import scratch


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    """Return the checkout after both releases."""
    place = scratch.checkout(tmp_path_factory.mktemp("release") / "checkout")
    scratch.know(place, STOCK)
    scratch.note(place)
    scratch.commit(place, "Know one file more")
    scratch.script(place, "release.py", scratch.FIRST)
    scratch.fix_guard(place)
    scratch.learn(place)
    scratch.note(place)
    scratch.commit(place, "Fix the guard")
    with pytest.raises(scratch.Failed) as refused:
        scratch.script(place, "release.py", scratch.SECOND)
    assert str(refused.value) == (
        f"error: no patch version carries what changed in the guard since {scratch.DEFAULT}:"
        f" endpoint_patch/edits.py, manifests/prove.py\nhint: begin one: scripts/begin_version.py {scratch.FIXED}"
        f" --after {scratch.DEFAULT}\n"
    )
    scratch.script(place, "begin_version.py", scratch.FIXED, "--after", scratch.DEFAULT)
    scratch.commit(place, "Begin a version")
    scratch.script(place, "release.py", scratch.SECOND)
    return place


@pytest.fixture
def again(two, tmp_path):
    """Return the path of a clone of that checkout."""
    scratch.run("git", "clone", "--quiet", two, "again", cwd=tmp_path)
    return tmp_path / "again"
