"""scripts/run_all.py records real runs, and no record is too old."""

from __future__ import annotations

import re
import subprocess
from datetime import date

import pytest

import run_all

DAYS = 60  # the maximum between a full run and the newest commit


@pytest.mark.parametrize(
    ("output", "count"),
    [
        ("...\n============ 12 passed, 3 deselected in 4.56s ============\n", 12),
        ("7 passed in 1 s\n2 failed, 9 passed in 2 s\n", 9),
        ("caught    no drain\n159 passed, 0 failed\n", 159),
        ("nothing\n", 0),
    ],
)
def test_what_passed_is_read_from_the_last_line_that_says_so(output, count):
    """The number of passed tests or mutants comes from the last line that has one."""
    assert run_all.passed(output) == count


def test_every_target_is_one_of_make():
    """Every target exists in the Makefile."""
    makefile = (run_all.ROOT / "Makefile").read_text()
    assert set(run_all.TARGETS) <= set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))


def test_what_passed_whole_did_so_not_long_ago():
    """Every full run is recent, measured from the newest commit's date."""
    command = ["git", "log", "-1", "--format=%cs"]
    shown = subprocess.run(command, cwd=run_all.ROOT, check=True, capture_output=True, text=True)
    newest = date.fromisoformat(shown.stdout.strip())
    notes = run_all.read_notes()
    assert notes
    assert list(notes) == [target for target in run_all.TARGETS if target in notes]
    old = {
        target: note["date"]
        for target, note in notes.items()
        if (newest - date.fromisoformat(note["date"])).days > DAYS
    }
    assert not old, 'run them: make all ARGS="..."'
    assert all(note["passed"] > 0 and note["seconds"] > 0 for note in notes.values())
