"""Writing a file: the old one or the new one is complete, whatever happens."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from endpoint_patch import install
from endpoint_patch.errors import CouldNotWriteError
from fakes.image import PATCH_ROOT

OLD, NEW = b"old" * 20_000, b"new" * 30_000


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the path of an output from an earlier run."""
    path = tmp_path / "endpoints.py"
    install.install(str(path), OLD)
    return path


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process that can import the guard."""
    return subprocess.Popen(
        [sys.executable, "-S", "-c", textwrap.dedent(program), *map(str, arguments)],
        cwd=PATCH_ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_installed(target: Path) -> None:
    """The file is complete, read-only, and alone in its folder."""
    assert target.read_bytes() == OLD
    assert target.stat().st_mode & 0o777 == 0o444
    install.install(str(target), NEW)
    assert target.read_bytes() == NEW
    assert target.stat().st_mode & 0o777 == 0o444
    assert list(target.parent.iterdir()) == [target]


def test_on_disk(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced before it gets its name, and the folder before the run ends."""
    steps = []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append(("folder" if is_folder else "file", target.read_bytes() == NEW))

    monkeypatch.setattr(os, "fsync", fsync)
    install.install(str(target), NEW)
    assert steps == [("file", False), ("folder", True)]


def test_a_link_is_replaced_not_followed(target: Path, tmp_path: Path) -> None:
    """A link at the output path is replaced; its target keeps its content."""
    link = tmp_path / "link.py"
    link.symlink_to(target)
    hard = tmp_path / "hard.py"
    hard.hardlink_to(target)
    install.install(str(link), NEW)
    install.install(str(hard), NEW)
    assert target.read_bytes() == OLD
    assert not link.is_symlink()


@pytest.mark.parametrize("call", ["os.fdopen", "os.fchmod", "os.fsync", "Path.replace"])
def test_kill_9(target: Path, call: str) -> None:
    """A run killed at any of its steps leaves the old file, and the next run succeeds."""
    killed = python(
        """
        import os, signal, sys
        from pathlib import Path
        from endpoint_patch import install
        owner, name = sys.argv[2].split(".")
        setattr({"os": os, "Path": Path}[owner], name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        install.install(sys.argv[1], b"new")
        """,
        target,
        call,
    )
    assert killed.wait() == -9
    assert target.read_bytes() == OLD
    install.install(str(target), NEW)
    assert target.read_bytes() == NEW


def test_kill_9_at_any_moment(target: Path) -> None:
    """A run killed at a random moment leaves the old or the new content, complete."""
    writer = python(
        """
        import sys
        from endpoint_patch import install
        while True:
            install.install(sys.argv[1], b"new" * 30_000)
            install.install(sys.argv[1], b"old" * 20_000)
        """,
        target,
    )
    while target.read_bytes() != NEW:
        assert writer.poll() is None
    writer.kill()
    writer.wait()
    assert target.read_bytes() in (OLD, NEW)


def test_two_at_once(target: Path) -> None:
    """Parallel runs do not disturb each other, and a reader never sees a partial file."""
    program = """
        import sys
        from endpoint_patch import install
        for _ in range(50):
            install.install(sys.argv[1], sys.argv[2].encode() * 30_000)
        """
    writers = [python(program, target, letter) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        content = target.read_bytes()
        assert content in (OLD, b"a" * 30_000, b"b" * 30_000)
    assert [writer.communicate()[1] for writer in writers] == ["", ""]
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("call", ["fchmod", "fsync"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_disk_full(target: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    """A failing step is a refusal with the reason, and leaves nothing behind."""

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(CouldNotWriteError, match=os.strerror(code)) as refusal:
        install.install(str(target), NEW)
    assert refusal.value.exit_code == 15
    assert target.read_bytes() == OLD
    assert list(target.parent.iterdir()) == [target]


def test_no_room_for_the_file(target: Path) -> None:
    """A write that the system cuts short is a refusal, and the old file stays."""
    limited = python(
        """
        import resource, sys
        from endpoint_patch import errors, install
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            install.install(sys.argv[1], b"new" * 30_000)
        except errors.CouldNotWriteError as error:
            sys.exit(error.exit_code)
        """,
        target,
    )
    assert limited.wait() == 15
    assert target.read_bytes() == OLD
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    "path", ["missing/endpoints.py", "file/endpoints.py", "folder", "locked/x"]
)
def test_a_place_that_cannot_be_written(tmp_path: Path, path: str) -> None:
    """A missing, wrong or read-only path is a refusal without a traceback."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "locked").mkdir(mode=0o555)
    # Permissions do not stop root; a folder of the kernel does.
    target = Path("/proc/x") if path == "locked/x" and os.geteuid() == 0 else tmp_path / path
    with pytest.raises(CouldNotWriteError, match="Could not write"):
        install.install(str(target), NEW)
    assert not list(tmp_path.rglob("*.partial"))


def test_abandoned_files_are_cleared_away(target: Path) -> None:
    """Old leftovers of ended runs are removed; a live run's and others' files stay."""
    dead, live, other = (
        target.parent / name
        for name in (".endpoints.py.x.partial", ".endpoints.py.y.partial", ".other.py.x.partial")
    )
    for path in (dead, live, other):
        path.touch()
    os.utime(dead, (0, 0))
    os.utime(other, (0, 0))
    install.install(str(target), NEW)
    assert sorted(target.parent.iterdir()) == [live, other, target]


def test_termination_message(tmp_path: Path) -> None:
    """The termination message is written in place, as the kubelet needs; failures are ignored."""
    path = tmp_path / "termination-log"
    path.write_text("much longer than what comes now")
    inode = path.stat().st_ino
    install.write_message(str(path), b"{}")
    assert (path.read_text(), path.stat().st_ino) == ("{}", inode)
    install.write_message(str(tmp_path / "missing" / "log"), b"{}")
    install.write_message(str(tmp_path), b"{}")
