"""The figures of a soak: tables for a terminal, and docs/soak.md, .json and .svg."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

import pictures
from figures import machine
from pins import ROOT
from support import people

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 120
DOCS = ROOT / "docs"
MARK = "<!-- From here on written by: make soak ARGS=--write-docs -->"
Rounds = list[dict[str, Any]]
Faults = dict[str, list[str]]


def tables(title: str, rounds: Rounds, faults: Faults) -> list[Table]:
    """Return a table of the rounds and one of the faults; leave out a table without rows."""
    made = []
    if rounds:
        table = Table("", *(each["way"] for each in rounds), title=title)
        for row in rows(rounds):
            table.add_row(*row)
        made.append(table)
    if faults:
        table = Table("fault", *people.COLUMNS, title=title)
        for name, cells in faults.items():
            table.add_row(name, *cells)
        made.append(table)
    return made


def rows(rounds: Rounds) -> list[list[str]]:
    """Return one row per figure: its name, then its value in each round."""
    names = [name for name in rounds[0] if name != "way"]
    return [[name.replace("_", " "), *(figure(each[name]) for each in rounds)] for name in names]


def figure(value: float) -> str:
    """Return a number as text, a float with three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write(rounds: Rounds, faults: Faults, shown: Sequence[Table]) -> None:
    """Write the figures to docs/: as JSON, as a picture, and as tables in the page."""
    where = machine()
    told = {"machine": where, "rounds": rounds, "faults": named(faults)}
    (DOCS / "soak.json").write_text(json.dumps(told, indent=2) + "\n")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(*shown)
    (DOCS / "soak.svg").write_text(pictures.svg(console, "make soak"))
    page = DOCS / "soak.md"
    head = page.read_text().partition(MARK)[0]
    parts = [
        MARK,
        ", ".join(f"{name} {value}" for name, value in where.items()),
        markdown([["", *(each["way"] for each in rounds)], *rows(rounds)]),
        markdown([["fault", *people.COLUMNS], *([name, *cells] for name, cells in faults.items())]),
    ]
    page.write_text(head + "\n\n".join(parts) + "\n")


def named(faults: Faults) -> dict[str, Mapping[str, str]]:
    """Return {fault: {column: figure}}."""
    return {fault: dict(zip(people.COLUMNS, cells, strict=True)) for fault, cells in faults.items()}


def markdown(lines: list[list[str]]) -> str:
    """Return a Markdown table; the first line is its header."""
    head, *body = ["| " + " | ".join(cells) + " |" for cells in lines]
    return "\n".join([head, "| --- " * len(lines[0]) + "|", *body])
