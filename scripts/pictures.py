"""Pictures of what a terminal shows, for docs/."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def svg(console: Console, title: str) -> str:
    """Return what a console has recorded, as a picture that loads nothing from elsewhere.

    So its fonts are the reader's own.
    """
    drawn = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
