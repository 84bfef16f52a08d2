"""Are two paths one file? Asked before anything is written, and answered by the file system."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from endpoint_patch.errors import PlanUnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping


def require_distinct(paths: Mapping[str, str | None]) -> None:
    """Raise PlanUnreadableError where two of the plan's paths, by key, lead to one file."""
    for (first, one), (second, other) in itertools.combinations(paths.items(), 2):
        if is_same_file(one, other):
            raise PlanUnreadableError(f"{first} and {second} must be two different files.")


def is_same_file(one: str | None, other: str | None) -> bool:
    """Say whether they are, whatever `..`, links and mounts lead there; None is no file."""
    if one is None or other is None:
        return False
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    with contextlib.suppress(OSError):  # one of them is not there
        return Path(one).samefile(other)
    return False
