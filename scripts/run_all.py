"""Run every kind of test in its full form, and note each that passes; `make all`.

    python scripts/run_all.py [--write-docs] [TARGET...]

Where .ci/run uses `--matrix small`, this runs everything. It takes some three hours, so targets can
be named and run on different days. docs/full-runs.json gets a note for each target that passes: the
commit, the day, the number of tests and the seconds. The first target that fails ends the run, and
keeps its older note. --write-docs is passed to the targets that write tables of docs/.
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
PASSED = re.compile(r"\b(\d+) passed\b")  # in the last line of pytest and of scripts/mutants.py

Notes = dict[str, dict[str, Any]]


def passed(output: str) -> int:
    """Return the last number of passed tests in the output, 0 if there is none."""
    counts = PASSED.findall(output)
    return int(counts[-1]) if counts else 0


def read_notes() -> Notes:
    """Return the notes by target, {} if there are none yet."""
    notes: Notes = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    return notes


def git(*arguments: str) -> str:
    """Return git's stdout for this repository, stripped."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def run(target: str, *arguments: str) -> tuple[int, str]:
    """Run a target and show its output; return its exit code and its stdout."""
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
    """Return 0, the exit code of the target that failed, or 2 with uncommitted changes."""
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
