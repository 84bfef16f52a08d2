"""Show progress: one changing line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from litellm_overlay.local.cache import Progress


@contextlib.contextmanager
def shown_on(console: Console) -> Iterator[Progress]:
    """Yield a function that shows a progress message on `console`."""
    if console.is_terminal:
        with console.status("preparing") as status:
            yield status.update
        return
    last = ""

    def say(text: str) -> None:
        # Do not print a line each second: "…, 3 s" is the same step as "…, 2 s".
        nonlocal last
        step = re.sub(r", \d+ s$", "", text)
        if step != last:
            console.print(step, highlight=False, markup=False, soft_wrap=True)
        last = step

    yield say
