"""scripts/run_all.py: what it notes is what ran, and no note is old."""

from __future__ import annotations

import re
import subprocess
from datetime import date

import pytest

import run_all

DAYS = 60  # that the newest commit may be younger than a full run


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
    """Of pytest, or of the mutants."""
    assert run_all.passed(output) == count


def test_every_target_is_one_of_make():
    """A renamed target is not left behind."""
    makefile = (run_all.ROOT / "Makefile").read_text()
    assert set(run_all.TARGETS) <= set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))


def test_what_passed_whole_did_so_not_long_ago():
    """By the day of the newest commit, so that a tree that passed once passes again."""
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
