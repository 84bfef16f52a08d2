"""A finding: one thing that is wrong, which `doctor` prints and programs read. Pure."""

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

    `object` is "Kind/namespace/name", without the namespace if the manifest has none. `severity` is
    one of SEVERITIES. `topic` is a word for programs. `fix` is text to paste, of one or more lines.
    Each command in it is complete and has its own line, with capitals where the operator fills in a
    value. Any other text beside a command is a comment.
    """

    object: str
    severity: str
    topic: str
    what: str
    why: str
    fix: str


def pasteable(steps: Sequence[str]) -> str:
    """Return steps as a fix. If one of them is a command, each sentence becomes a comment."""
    lines = [each.strip() for each in steps]
    if not any(each.startswith(_PROGRAMS) for each in lines):
        return "\n".join(lines)
    return "\n".join(each if each.startswith(_PROGRAMS) else f"# {each}" for each in lines)


def join_names(names: Sequence[str]) -> str:
    """Return names joined as "a, b and c". There must be at least one."""
    *before, end = names
    return f"{', '.join(before)} and {end}" if before else end
