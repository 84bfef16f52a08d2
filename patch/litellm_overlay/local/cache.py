"""The cache folder, and locks so that two processes do not build the same thing at once."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

Progress = Callable[[str], None]


def cache_root(cache: Path | None = None) -> Path:
    """Return the cache folder: `cache`, else the one that the environment names."""
    if cache or "LITELLM_OVERLAY_CACHE" in os.environ:
        return Path(cache or os.environ["LITELLM_OVERLAY_CACHE"]).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "litellm-overlay"


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock to build `target`, after waiting for other processes.

    The lock file stays beside the target. The lock is released however the process ends.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f"{target.name}.lock"):
        yield


@contextlib.contextmanager
def removed_on_failure(folder: Path) -> Iterator[None]:
    """Delete the folder before the block, and again if the block fails."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
