"""Draw what `make demo` prints into docs/demo.svg: a real run, on a terminal of 100 columns.

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
    """Return the demo's exit code; the picture is drawn only of a demo that went well."""
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
    """Return the picture of what was printed, from its table on; progress before it is left out."""
    table = printed[printed.rindex("LiteLLM ", 0, printed.index("asked with")) :]
    shown = table.partition("What next:")[0].replace("\r\n", "\n").rstrip()
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ make demo\n", style="bold"), Text.from_ansi(shown), sep="")
    return pictures.svg(console, "litellm-overlay demo")


if __name__ == "__main__":
    sys.exit(main())
