"""Draw terminal output as pictures for docs/."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def svg(console: Console, title: str) -> str:
    """Return a console's recording as an SVG picture that loads no fonts from the network."""
    drawn = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
