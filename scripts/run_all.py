"""Run every kind of test in its full form, and note how each went; `make all`.

    python scripts/run_all.py [--write-docs] [TARGET...]

What .ci/run leaves to `--matrix small` is whole here: some three hours, so targets can be named and
run on different days. Each that passes is noted in docs/full-runs.json: the commit, the day, how
many passed, and the seconds. The first that fails ends the run, and its older note stays.
--write-docs goes on to those that write tables of docs/.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NOTES = ROOT / "docs" / "full-runs.json"
TARGETS = {
    "test": [],
    "chart": [],
    "mutants": [],
    "codex": [],
    "clients": [],
    "database": [],
    "every": [],
    "soak": [],
    "kind-e2e": ["IMAGES=build"],
}
WRITERS = {"codex", "clients", "database", "every", "soak"}
PASSED = re.compile(r"\b(\d+) passed\b")  # pytest ends with it, and so do the mutants

Notes = dict[str, dict[str, Any]]


def passed(output: str) -> int:
    """Return how many passed, by the last line of the output that says so; 0 if none does."""
    counts = PASSED.findall(output)
    return int(counts[-1]) if counts else 0


def read_notes() -> Notes:
    """Return the notes by target; {} before the first."""
    notes: Notes = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    return notes


def git(*arguments: str) -> str:
    """Return what git prints of this repository."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def run(target: str, *arguments: str) -> tuple[int, str]:
    """Run a target; pass its output on, and return its exit code and that output."""
    command = ["make", "--no-print-directory", target, *TARGETS[target], *arguments]
    output = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            output.append(line)
    return process.returncode, "".join(output)


def main() -> int:
    """Return 0, or the exit code of the target that failed."""
    parser = argparse.ArgumentParser(description="Run every kind of test in its full form.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--write-docs", action="store_true", help="write tables of docs/ again")
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    if unknown := set(targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    commit = git("rev-parse", "--short=10", "HEAD")
    if git("status", "--porcelain", "--untracked-files=no"):
        print("error: there are changes that no commit has\nhint: git commit", file=sys.stderr)
        return 2
    for target in targets:
        began = time.monotonic()
        writes = ["ARGS=--write-docs"] if options.write_docs and target in WRITERS else []
        code, output = run(target, *writes)
        if code:
            return code
        note = {
            "commit": commit,
            "date": datetime.now(timezone.utc).date().isoformat(),
            "passed": passed(output),
            "seconds": round(time.monotonic() - began),
        }
        notes = {**read_notes(), target: note}
        ordered = {name: notes[name] for name in TARGETS if name in notes}
        NOTES.write_text(json.dumps(ordered, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
