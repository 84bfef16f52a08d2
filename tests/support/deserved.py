"""What `doctor` finds, and what the table beside a case says it should: topic -> reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from litellm_overlay import checks
from litellm_overlay.catalogue import releases

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = releases.load()


def found(objects) -> list[str]:
    """Return the topics of all findings, notes too, each once."""
    return sorted({item.topic for item in checks.findings(objects, CATALOGUE)})


def table(path: Path) -> dict[str, str]:
    """Return a table; a case without one deserves nothing."""
    reasons: dict[str, str] = yaml.safe_load(path.read_text()) if path.exists() else {}
    return reasons
