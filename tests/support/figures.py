"""What a soak came to: tables for a terminal, and docs/soak.md, .json and .svg."""

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
    """Return a table of the rounds and one of the faults, of those that there are."""
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
    """Return a row for each figure: its name, then its value in each round."""
    names = [name for name in rounds[0] if name != "way"]
    return [[name.replace("_", " "), *(figure(each[name]) for each in rounds)] for name in names]


def figure(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write(rounds: Rounds, faults: Faults, shown: Sequence[Table]) -> None:
    """Write the figures as JSON, as a picture, and as tables into the page."""
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
    """Return each fault's figures by their names."""
    return {fault: dict(zip(people.COLUMNS, cells, strict=True)) for fault, cells in faults.items()}


def markdown(lines: list[list[str]]) -> str:
    """Return a table; the first line is its head."""
    head, *body = ["| " + " | ".join(cells) + " |" for cells in lines]
    return "\n".join([head, "| --- " * len(lines[0]) + "|", *body])
