"""What holds for every level of tests: each says what must hold, and none is skipped in CI."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

# A laptop looks for new examples; CI asks the same questions each time. No test asserts a time: on a
# busy machine it would be the machine's.
hypothesis.settings.register_profile("laptop", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "laptop")
# A shell starts what runs in the background with Ctrl-C ignored, and so would our child processes be.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Require a docstring of each test: its first line is what a failure means."""
    silent = {item.nodeid.split("[")[0] for item in items if not item.function.__doc__}
    if silent:
        raise pytest.UsageError("tests without a docstring: " + ", ".join(sorted(silent)))


def pytest_terminal_summary(terminalreporter):
    """Let a skip be seen as what it is in CI: a test that should have run."""
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED
        terminalreporter.write_line("FAILED: tests were skipped, and CI skips none", red=True)


def pytest_addoption(parser):
    """Add the option that rewrites tests/golden."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
