"""Write the two files with measured facts about releases, and list what changes in them.

`catalogue.json` is the toolkit's. The guard's `stock_files.json` is derived from it. It has the
releases of each known endpoints.py, in runs, and the handlers that people have read.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PATCH = Path(__file__).parents[1] / "patch"
CATALOGUE = PATCH / "litellm_overlay" / "catalogue" / "catalogue.json"
STOCK_FILES = PATCH / "endpoint_patch" / "stock_files.json"

Row = dict[str, Any]


def write(path: Path, catalogue: Row) -> None:
    """Write the catalogue atomically, one line per release to keep diffs readable."""
    rest = {key: value for key, value in catalogue.items() if key != "releases"}
    lines = ",\n".join(f"    {json.dumps(row)}" for row in catalogue["releases"])
    head = json.dumps(rest, indent=2, ensure_ascii=False)[:-2]
    _replace(path, f'{head},\n  "releases": [\n{lines}\n  ]\n}}\n')


def write_stock_files(path: Path, rows: Sequence[Row]) -> None:
    """Write the guard's table atomically, one line per file or handler."""
    malicious = [row["version"] for row in rows if row["state"] == "malicious"]
    parts = [
        f'  "compromised": {json.dumps(malicious)}',
        f'  "files": {{\n{_lines(carriers(rows))}\n  }}',
        f'  "handlers": {{\n{_lines(handlers(rows))}\n  }}',
    ]
    _replace(path, "{\n" + ",\n".join(parts) + "\n}\n")


def carriers(rows: Sequence[Row]) -> dict[str, list[dict[str, str]]]:
    """Return sha256 -> runs of releases with that endpoints.py; `rows` are in PEP 440 order.

    A run is {state, first, last}. Files without the endpoint come last: the guard needs them least.
    """
    files: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["state"] == "no-endpoint"):
        if row["endpoints_sha256"]:
            files.setdefault(row["endpoints_sha256"], []).append(row)
    return {sha256: _runs(carrying) for sha256, carrying in files.items()}


def handlers(rows: Iterable[Row]) -> dict[str, str]:
    """Return sha256 -> "affected" or "fixed" for each known handler; 1.89's is "fixed"."""
    return {
        row["handler_sha256"]: "affected" if row["state"] == "affected" else "fixed"
        for row in rows
        if row["handler_sha256"]
    }


def changes(old: Iterable[Row], new: Iterable[Row]) -> Iterator[str]:
    """Yield a line for each new release, and for each field of an old one that has changed.

    The line of a new release says whether its file or its handler is new. A person must read a new
    handler before it is committed, since the guard trusts the whole table.
    """
    before = {row["version"]: row for row in old}
    files = {row["endpoints_sha256"] for row in before.values()} | {None}
    read = {row["handler_sha256"] for row in before.values()} | {None}
    for row in new:
        version, sha256 = row["version"], row["endpoints_sha256"]
        was = before.get(version)
        if was is None:
            news = "" if sha256 in files else ", a new file"
            if row["handler_sha256"] not in read:
                news += ", A NEW HANDLER: read it before you commit this"
            yield f"+ {version}: {row['state']}, {row['uploaded']}, {(sha256 or 'none')[:12]}{news}"
            continue
        for key in sorted({*row, *was}):
            if row.get(key) != was.get(key):
                yield f"~ {version}: {key} was {was.get(key)}, is {row.get(key)}"


def _runs(carrying: Sequence[Row]) -> list[dict[str, str]]:
    runs = [list(run) for _, run in itertools.groupby(carrying, key=lambda row: row["state"])]
    return [
        {"state": run[0]["state"], "first": run[0]["version"], "last": run[-1]["version"]}
        for run in runs
    ]


def _lines(table: Mapping[str, object]) -> str:
    return ",\n".join(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in table.items())


def _replace(path: Path, text: str) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
