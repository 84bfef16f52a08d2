"""Print the counts of a run at its end."""

from __future__ import annotations

from fuzz.tally import TALLY


def pytest_configure(config):
    """Start without counts."""
    config.stash[TALLY] = {}


def pytest_terminal_summary(terminalreporter, config):
    """Print for each verb the number of inputs and of each exit code."""
    tally = config.stash[TALLY]
    for verb, codes in tally.items():
        ends = ", ".join(f"{number:,} with {code}" for code, number in sorted(codes.items()))
        terminalreporter.write_line(f"fuzz: {verb}: {sum(codes.values()):,} inputs: {ends}")
    if tally:
        total = sum(sum(codes.values()) for codes in tally.values())
        terminalreporter.write_line(f"fuzz: {total:,} inputs in all")
