"""The counts of a run, as its last lines."""

from __future__ import annotations

from fuzz.tally import TALLY


def pytest_configure(config):
    """Begin with none."""
    config.stash[TALLY] = {}


def pytest_terminal_summary(terminalreporter, config):
    """Say how many inputs each verb was given, and how they ended."""
    tally = config.stash[TALLY]
    for verb, codes in tally.items():
        ends = ", ".join(f"{number:,} with {code}" for code, number in sorted(codes.items()))
        terminalreporter.write_line(f"fuzz: {verb}: {sum(codes.values()):,} inputs: {ends}")
    if tally:
        total = sum(sum(codes.values()) for codes in tally.values())
        terminalreporter.write_line(f"fuzz: {total:,} inputs in all")
