"""docs/troubleshooting.md, "It does not work": its commands, and its table by symptom."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    ")]
# symptom -> the diagnosis and the cure
ROWS = {
    symptom: rest
    for symptom, _, rest in (
        line.strip("| ").partition(" | ") for line in PAGE.splitlines() if line.startswith("| ")
    )
    if symptom not in {"symptom", "---"}
}


def topics(row: str) -> set[str]:
    """Return the words of a row that look like doctor's topics."""
    return set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", row)) - {"litellm-overlay"}


def quotes(row: str) -> set[str]:
    """Return the quoted tool outputs of a row."""
    return set(re.findall(r'"([^"]+)"', row))
