"""Record the figures of benches in docs/figures.json, and write tables of them into pages.

    python scripts/figures.py [--check]

A bench with --write replaces its section: command, date, commit, machine and rows. Each row has two
figures of one run. README.md and the pages of docs/ have tables of them between two comments:

    <!-- figures -->              every section, with its command, date and machine
    <!-- figures: turn-cpu … -->  only these rows
    <!-- figures end -->

With --check nothing is written; outdated pages are named, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[1]
LOAD = os.getloadavg()[0]  # of the minute before the bench adds its own
HEAD = "| one run, side by side | ours | beside | ratio |\n| --- | --- | --- | --- |"
TABLE = re.compile(r"(<!-- figures(?:: ([\w -]+))? -->\n).*?(<!-- figures end -->\n)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """Our figure and the one to compare it with, in the same unit; `what` names both."""

    what: str
    ours: float
    beside: float
    unit: str

    def __str__(self) -> str:
        ratio = self.ours / self.beside
        told = f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}"
        return f"| {self.what} | {self.ours:g} {self.unit} | {self.beside:g} {self.unit} | {told} |"


def record(section: str, command: str, rows: Mapping[str, Row], root: Path = ROOT) -> None:
    """Replace a bench's section in docs/figures.json, and update the pages."""
    path = root / "docs" / "figures.json"
    told = load(root) if path.exists() else {}
    told[section] = {"command": command, **machine(), "rows": {}}
    for name, row in rows.items():
        short = {"ours": float(f"{row.ours:.3g}"), "beside": float(f"{row.beside:.3g}")}
        told[section]["rows"][name] = {**asdict(row), **short}
    path.write_text(json.dumps(dict(sorted(told.items())), indent=1) + "\n")
    write(root)


def machine() -> dict[str, str]:
    """Return the date, commit, cores, system and load of a measurement."""
    commit = ["git", "rev-parse", "--short", "HEAD"]
    return {
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "commit": subprocess.check_output(commit, cwd=ROOT, text=True).strip(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(terse=True),
        "load": f"{LOAD:.1f} before, {os.getloadavg()[0]:.1f} after",
    }


def load(root: Path) -> dict[str, Any]:
    """Return the sections by name."""
    told: dict[str, Any] = json.loads((root / "docs" / "figures.json").read_text())
    return told


def write(root: Path, *, check: bool = False) -> list[str]:
    """Update the tables, or with `check` only compare; return the pages that were outdated."""
    sections = load(root)
    stale = []
    for page in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        text = page.read_text()
        made = TABLE.sub(lambda found: f"{found[1]}\n{table(sections, found[2])}\n{found[3]}", text)
        if made != text:
            stale.append(str(page.relative_to(root)))
            if not check:
                page.write_text(made)
    return stale


def table(sections: Mapping[str, Any], names: str | None) -> str:
    """Return a table of the named rows; without names, one table per section."""
    rows = {
        section: {name: Row(**row) for name, row in told["rows"].items()}
        for section, told in sections.items()
    }
    if names:
        every = {name: row for each in rows.values() for name, row in each.items()}
        return _lines([every[name] for name in names.split()])
    return "\n".join(
        f"`{told['command']}`, {told['date']}, commit {told['commit']}, {told['cores']} cores, "
        f"load {told['load']}, {told['system']}:\n\n{_lines(rows[section].values())}"
        for section, told in sections.items()
    )


def _lines(rows: Iterable[Row]) -> str:
    return "".join(f"{line}\n" for line in (HEAD, *rows))


def main() -> int:
    """Return 0, or with --check 1 if a page is out of date."""
    parser = argparse.ArgumentParser(description="Write the tables of figures in the pages.")
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    if (stale := write(ROOT, check=check)) and check:
        told = f"error: not as in docs/figures.json: {', '.join(stale)}\nhint: make generate"
        print(told, file=sys.stderr)
        return 1
    for name in stale:
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
