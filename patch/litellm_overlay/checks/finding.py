"""One thing that is wrong: what `doctor` prints, and programs read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SEVERITIES = ("error", "warning", "note")
AGAIN = """\
litellm-overlay inject < MANIFESTS
# with the options you had; it replaces what is there"""
_PROGRAMS = ("litellm-overlay ", "kubectl ", "helm ", "docker ")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is, or will be, wrong.

    `object` is "Kind/namespace/name", without the namespace where the manifest has none; `severity`
    is one of SEVERITIES; `topic` a word for programs; `fix` is for pasting and may have lines. Each
    command in it is a line of its own, whole, with capitals where the operator fills in; what else
    is to be said beside a command is a comment.
    """

    object: str
    severity: str
    topic: str
    what: str
    why: str
    fix: str


def pasteable(steps: Sequence[str]) -> str:
    """Return steps, sentences and commands, as a fix."""
    lines = [each.strip() for each in steps]
    if not any(each.startswith(_PROGRAMS) for each in lines):
        return "\n".join(lines)
    return "\n".join(each if each.startswith(_PROGRAMS) else f"# {each}" for each in lines)


def join_names(names: Sequence[str]) -> str:
    """Return names as words: "a, b and c"."""
    *before, end = names
    return f"{', '.join(before)} and {end}" if before else end
