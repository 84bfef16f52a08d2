"""The tables of docs/statuses.md: Codex's behaviour for each HTTP status, by HTTP and WebSocket."""

from __future__ import annotations

import re

from pins import ROOT

DOCS = ROOT / "docs" / "statuses.md"
COMMAND = 'make codex ARGS="-k statuses --write-docs"'
MARK = f"<!-- From here on written by: {COMMAND} -->"
VERSIONS = ("0.118.0", "0.145.0", "0.169.0")
# Every status of LiteLLM's exception classes, and those that providers send with them.
STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)
WAYS = ("HTTP", "WebSocket")
KINDS = ("once", "always")

Cells = dict[tuple[int, str, str, str], str]  # (status, version, way, kind): cell


def render(told: dict[int, int], cells: Cells) -> str:
    """Return the Markdown: one table per kind."""
    parts = []
    for kind in KINDS:
        heads = [f"{version}, {way}" for version in VERSIONS for way in WAYS]
        parts += [f"\n## The provider answers so {kind}\n", _line("HTTP", "told", *heads)]
        parts.append("| --- " * (2 + len(heads)) + "|")
        for status in STATUSES:
            row = [cells[status, version, way, kind] for version in VERSIONS for way in WAYS]
            parts.append(_line(str(status), str(told[status]), *row))
    return "\n".join(parts) + "\n"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def read() -> tuple[dict[int, int], Cells]:
    """Return ({HTTP status: status in the event}, every cell) of docs/statuses.md."""
    told: dict[int, int] = {}
    cells: Cells = {}
    kind = ""
    for line in DOCS.read_text("utf-8").partition(MARK)[2].splitlines():
        if match := re.match(r"## The provider answers so (\w+)", line):
            kind = match[1]
        elif line.startswith("| ") and line[2].isdigit():
            first, second, *row = [cell.strip() for cell in line.strip("|").split("|")]
            told[int(first)] = int(second)
            columns = [(version, way) for version in VERSIONS for way in WAYS]
            for (version, way), cell in zip(columns, row, strict=True):
                cells[int(first), version, way, kind] = cell
    return told, cells


def write(told: dict[int, int], cells: Cells) -> None:
    """Write the tables of docs/statuses.md; keep the text above them."""
    head = DOCS.read_text("utf-8").partition(MARK)[0]
    DOCS.write_text(f"{head}{MARK}\n{render(told, cells)}", "utf-8")
