"""Write the pages of docs/ that follow from code: `make generate` calls it.

    python scripts/reference.py [--check]

docs/reference/command-line.md  what each verb's --help prints
docs/reference/guard.md         the protocol of the program in the init container
docs/decisions/index.md         the titles of the decisions
docs/full-runs.md               when each kind of test last passed whole, by docs/full-runs.json

With --check nothing is written; outdated pages are named, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

import click

import endpoint_patch.__main__
import run_all
from litellm_overlay import cli

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 100  # columns of a help text; the same on every terminal


def command_line() -> str:
    """Return the page on the command line: the root's help, then each verb's."""
    root = click.Context(cli.root, info_name="litellm-overlay", terminal_width=WIDTH)
    parts = [
        "# Command line",
        "`scripts/reference.py` writes this page from the commands' own `--help`.",
        block(cli.root.get_help(root)),
    ]
    for verb in cli.root.list_commands(root):
        command = cli.root.get_command(root, verb)
        if command is None:
            raise LookupError(verb)
        context = click.Context(command, info_name=verb, parent=root, terminal_width=WIDTH)
        parts += [f"## {verb}", block(command.get_help(context))]
    return page(parts)


def guard() -> str:
    """Return the page on the guard: the module docstring with its protocol."""
    doc = endpoint_patch.__main__.__doc__ or ""
    return page(
        [
            "# Guard",
            "The program in the init container. `scripts/reference.py` writes this from its help.",
            block(doc),
        ]
    )


def decisions() -> str:
    """Return the list of decisions, each with the title of its page."""
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    titles = [path.read_text().partition("\n")[0].removeprefix("# ") for path in pages]
    rows = [
        f"- [{path.stem[:4]}]({path.name}) {title}"
        for path, title in zip(pages, titles, strict=True)
    ]
    return page(
        [
            "# Decisions",
            "One page each: what was decided, and why. Numbers have gaps.",
            "\n".join(rows),
        ]
    )


def full_runs() -> str:
    """Return the page on the last full run of each kind of test."""
    notes = run_all.read_notes()
    never = {"passed": "not noted yet", "seconds": "", "date": "", "commit": ""}
    rows = [
        f"| `make {target}` | {{passed}} | {{seconds}} | {{date}} | {{commit}} |".format(
            **notes.get(target, never)
        )
        for target in run_all.TARGETS
    ]
    header = ["| whole | passed | seconds | day | commit |", "| --- " * 5 + "|"]
    return page(
        [
            "# Full runs",
            "`make all` runs whole what CI runs in short form and notes it. [Costs](ci-ledger.md).",
            "\n".join([*header, *rows]),
        ]
    )


def block(text: str) -> str:
    """Return a text indented as a Markdown code block."""
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return textwrap.indent(lines, "    ")


def page(parts: list[str]) -> str:
    """Return a page: the parts, separated by empty lines."""
    return "\n\n".join(parts) + "\n"


PAGES = {
    "reference/command-line.md": command_line,
    "reference/guard.md": guard,
    "decisions/index.md": decisions,
    "full-runs.md": full_runs,
}


def main() -> int:
    """Return 0, or with --check 1 if a page is out of date."""
    parser = argparse.ArgumentParser(description="Write the pages of docs/ that follow from code.")
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    stale = []
    for name, made in PAGES.items():
        path, text = DOCS / name, made()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text)
            print(f"wrote docs/{name}")
    if check and stale:
        print(f"error: out of date: {', '.join(stale)}\nhint: make generate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
