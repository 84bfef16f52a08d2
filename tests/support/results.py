"""The outcomes of runs on a database, and their tables in docs/database.md.

A run compares its rows with the docs. With `--write-docs` it writes them there.
"""

from __future__ import annotations

from pins import ROOT

DOCS = ROOT / "docs" / "database.md"
COMMAND = "make database ARGS=--write-docs"
MARK = f"<!-- From here on written by: {COMMAND} -->"
# By table: its title, and its columns after the first. The keys are the names in the tests.
TABLES = {
    "turns": (
        "turns",
        {
            "websocket": "2.0.0, WebSocket",
            "http": "2.0.0, HTTP",
            "stock": "stock, WebSocket with `?model=`",
        },
    ),
    "codex": (
        "Codex {codex} and 2.0.0",
        {
            "handshakes": "WebSocket: handshakes",
            "posts": "POSTs",
            "seconds": "seconds",
            "says": "what Codex says at last",
            "http_posts": "HTTP: POSTs",
            "http_seconds": "seconds",
            "http_says": "what Codex says at last",
        },
    ),
}
MEASURED = ("seconds", "http_seconds")  # these differ from run to run and are not compared

Table = dict[str, dict[str, str]]  # row: column: cell
Tables = dict[tuple[str, str], Table]  # (release, table)


def note(tables: Tables, release: str, table: str, row: str, cells: dict[str, str]) -> None:
    """Add a row; a column without a cell stays empty."""
    columns = TABLES[table][1]
    assert cells.keys() <= columns.keys(), cells
    rows = tables.setdefault((release, table), {})
    rows[row] = {column: cells.get(column, "") for column in columns}


def render(tables: Tables, codex: str) -> str:
    """Return the tables as Markdown, the newest release first."""
    parts = []
    for release in sorted({release for release, _ in tables}, key=version, reverse=True):
        for name, (title, columns) in TABLES.items():
            if rows := tables.get((release, name)):
                parts.append(f"\n## LiteLLM {release}: {title.format(codex=codex)}\n")
                parts.append(line("", *columns.values()))
                parts.append("| --- " * (len(columns) + 1) + "|")
                parts += [line(row, *cells.values()) for row, cells in rows.items()]
    return "\n".join(parts) + "\n"


def read(text: str) -> Tables:
    """Return the tables of a page that contains the text of `render`."""
    tables: Tables = {}
    for section in text.partition(MARK)[2].split("\n## LiteLLM ")[1:]:
        heading, _, body = section.partition("\n")
        release, _, title = heading.partition(": ")
        name = next(
            name for name, (known, _) in TABLES.items() if title.startswith(known.split()[0])
        )
        for given in body.strip().splitlines()[2:]:
            row, *cells = [cell.strip() for cell in given.strip("|").split(" | ")]
            columns = TABLES[name][1]
            note(tables, release, name, row, dict(zip(columns, cells, strict=True)))
    return tables


def differences(seen: Tables, told: Tables, *, whole: bool) -> list[str]:
    """Return a sentence for each row that differs from the docs.

    With `whole` there is also one for each row of the docs that the run lacks.
    """
    results = []
    for key, rows in seen.items():
        known = told.get(key, {})
        for row, cells in rows.items():
            if stable(cells) != stable(known.get(row, {})):
                results.append(
                    f"{key[0]}: {row}: seen {stable(cells)}, told {stable(known.get(row, {}))}"
                )
        if whole:
            results += [f"{key[0]}: {row}: told, not seen" for row in known if row not in rows]
    return results


def write(seen: Tables, codex: str) -> None:
    """Write tables into docs/database.md; keep the releases and tables that were not run."""
    text = DOCS.read_text("utf-8")
    head = text.partition(MARK)[0]
    DOCS.write_text(f"{head}{MARK}\n{render({**read(text), **seen}, codex)}", "utf-8")


def stable(cells: dict[str, str]) -> dict[str, str]:
    """Return the cells that must be equal in every run."""
    return {column: cell for column, cell in cells.items() if column not in MEASURED}


def version(release: str) -> list[int]:
    """Return the sort key of a release."""
    return [int(part) for part in release.split(".")]


def line(*cells: str) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"
