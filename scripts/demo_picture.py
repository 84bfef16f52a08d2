"""Draw the output of a real demo run, on a terminal of 84 columns, into docs/demo.svg.

python scripts/demo_picture.py
"""

from __future__ import annotations

import io
import os
import pty
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

import pictures

PICTURE = Path(__file__).parents[1] / "docs" / "demo.svg"
COLUMNS = 84


def main() -> int:
    """Return the demo's exit code; draw the picture only if it is 0."""
    printed = bytearray()

    def read(fd: int) -> bytes:
        data = os.read(fd, 4096)
        printed.extend(data)
        return data

    os.environ |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    program = Path(sys.executable).with_name("litellm-overlay")
    code = os.waitstatus_to_exitcode(pty.spawn([str(program), "demo"], read))
    if code == 0:
        PICTURE.write_text(svg(printed.decode()))
    return code


def svg(printed: str) -> str:
    """Return a picture of the demo's tables, without the progress before and the hints after."""
    table = printed[printed.rindex("LiteLLM ", 0, printed.index("asked with")) :]
    shown = table.partition("What next:")[0].replace("\r\n", "\n").rstrip()
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ make demo\n", style="bold"), Text.from_ansi(shown), sep="")
    return pictures.svg(console, "litellm-overlay demo")


if __name__ == "__main__":
    sys.exit(main())
