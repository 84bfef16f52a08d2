"""The lock that separates two builders of one target."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from litellm_overlay.local import cache

# Takes the lock, says so, and holds it until stdin ends.
HOLDER = """
import pathlib, sys
from litellm_overlay.local.cache import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Run another process that holds the lock of `tmp_path / "a"`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "a")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("ending", ["leaves", "dies"])
def test_another_process_is_waited_for(tmp_path, holder, ending):
    """A builder waits until the other process leaves the block or ends."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "a")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
        time.sleep(0.5)
        assert waiting.poll() is None
        holder.communicate(b"\n") if ending == "leaves" else holder.kill()
        assert waiting.stdout.readline() == b"held\n"
        waiting.communicate(b"\n")


def test_it_is_released_on_failure(tmp_path):
    """The lock is released on an exception."""
    with pytest.raises(ZeroDivisionError), cache.locked(tmp_path / "a"):
        raise ZeroDivisionError
    with cache.locked(tmp_path / "a"):
        pass


def test_the_lock_lies_beside_its_target(tmp_path):
    """The lock file lies beside its target and stays, since others may have it open."""
    with cache.locked(tmp_path / "folder" / "a"), cache.locked(tmp_path / "folder" / "b"):
        assert not (tmp_path / "folder" / "a").exists()
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["a.lock", "b.lock"]
