"""One thing that is wrong: what `doctor` prints, and programs read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is, or will be, wrong.

    `object` is "Kind/namespace/name", without the namespace where the manifest has none; `severity`
    is one of SEVERITIES; `topic` a word for programs; `fix` is for pasting and may have lines.
    """

    object: str
    severity: str
    topic: str
    what: str
    why: str
    fix: str


def join_names(names: Sequence[str]) -> str:
    """Return names as words: "a, b and c"."""
    *before, end = names
    return f"{', '.join(before)} and {end}" if before else end
