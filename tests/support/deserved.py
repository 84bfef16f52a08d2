"""The findings of `doctor`, and the expected ones from the table beside a case: topic -> reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from litellm_overlay import checks
from litellm_overlay.catalogue import releases

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = releases.load()


def found(objects) -> list[str]:
    """Return the sorted topics of all findings, notes included, without duplicates."""
    return sorted({item.topic for item in checks.findings(objects, CATALOGUE)})


def table(path: Path) -> dict[str, str]:
    """Return the expected findings, topic -> reason; {} if there is no such file."""
    reasons: dict[str, str] = yaml.safe_load(path.read_text()) if path.exists() else {}
    return reasons
