"""Rules for all tests: each has a docstring, and CI skips none."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

# A laptop looks for new examples; CI repeats the same ones. No test has a deadline, since on a busy
# machine it would measure the machine.
hypothesis.settings.register_profile("laptop", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "laptop")
# A shell starts background jobs with SIGINT ignored, and child processes would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Require a docstring of each test: its first line says what a failure means."""
    silent = {item.nodeid.split("[")[0] for item in items if not item.function.__doc__}
    if silent:
        raise pytest.UsageError("tests without a docstring: " + ", ".join(sorted(silent)))


def pytest_terminal_summary(terminalreporter):
    """Fail the run in CI if a test was skipped."""
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED
        terminalreporter.write_line("FAILED: tests were skipped, and CI skips none", red=True)


def pytest_addoption(parser):
    """Add the option that rewrites tests/golden."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
