"""The only module that writes: whole files or none, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path

from endpoint_patch.errors import CouldNotWriteError

_MODE = 0o444
_ABANDONED_SECONDS = 600  # seconds; much longer than a run, so that a live run keeps its file


def install(path: str, data: bytes) -> None:
    """Put `data` at `path`, read-only: complete and on disk, or not at all.

    A temporary file in the same folder is renamed over the target, so a reader, a second run or a
    crash at any moment meets either the old file or the new one.
    """
    target = Path(path)
    try:
        _remove_abandoned(target)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".partial", dir=target.parent
        )
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), _MODE)
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise CouldNotWriteError(f"Could not write {path}: {error.strerror or error}.") from error


def remove(path: str) -> None:
    """Take a file away, as far as the folder allows it."""
    with contextlib.suppress(OSError):
        Path(path).unlink(missing_ok=True)


def write_message(path: str, data: bytes) -> None:
    """Write the termination message. The kubelet made the file, so it is written in place.

    A failure changes nothing: the same facts stand in the report.
    """
    with contextlib.suppress(OSError):
        Path(path).write_bytes(data)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(target: Path) -> None:
    """Clear away what a run that was killed left behind."""
    for partial in target.parent.glob(f".{target.name}.*.partial"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                partial.unlink()
