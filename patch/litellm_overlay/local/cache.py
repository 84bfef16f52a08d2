"""The folder for everything fetched, and what keeps two builders of one thing apart."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

Progress = Callable[[str], None]


def cache_root(cache: Path | None = None) -> Path:
    """Return the folder for everything fetched: `cache`, else as the environment says."""
    if cache or "LITELLM_OVERLAY_CACHE" in os.environ:
        return Path(cache or os.environ["LITELLM_OVERLAY_CACHE"]).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "litellm-overlay"


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the right to build `target`, against other processes; waits for it.

    The lock file stays beside the target; the right ends with the process, however that ends.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f"{target.name}.lock"):
        yield


@contextlib.contextmanager
def removed_on_failure(folder: Path) -> Iterator[None]:
    """Start without the folder, and leave none behind that is half made."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
