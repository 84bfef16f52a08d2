"""The claims of the demonstration: it fails if stock works or the patch does not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from litellm_overlay.commands import demo as command
from litellm_overlay.errors import NotInCatalogueError, OverlayError
from litellm_overlay.local.comparison import (
    CaseOutcome,
    CodexOutcome,
    Comparison,
    Side,
    cases_for,
    scratch_folder,
    summarize,
)
from litellm_overlay.responses.protocol import Turn

REFUSED = CaseOutcome(403, completed=False, error="HTTP 403")
SERVED = CaseOutcome(101, True, 9.0, 123.4, 14, 11, 7)
CODEX_REFUSED = CodexOutcome(True, 6.5, accepted=0, refused=7, posts=1)
CODEX_SERVED = CodexOutcome(True, 0.5, accepted=1, refused=0, posts=0)


def comparison(patch="2.0.0", **changes):
    """Return a demonstration in which everything is as claimed, apart from changes."""
    parts = {
        "stock": {case.name: SERVED if case.in_query else REFUSED for case in cases_for(patch)},
        "patched": {case.name: SERVED for case in cases_for(patch)},
        "codex_stock": {"a turn": CODEX_REFUSED},
        "codex_patched": {"a turn": CODEX_SERVED},
    }
    parts = {name: {**part, **changes.get(name, {})} for name, part in parts.items()}
    stock, patched = parts["stock"], parts["patched"]
    sides = Side(stock, parts["codex_stock"]), Side(patched, parts["codex_patched"])
    return Comparison("1.88.6", patch, {}, *sides)


def test_all_as_claimed_is_no_problem():
    """A demonstration as claimed has no problems."""
    assert comparison().problems == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"stock": {"flat frame": SERVED}}, "stock did not refuse: flat frame: HTTP 101"),
        (
            {"patched": {"alias": dataclasses.replace(REFUSED, error="no such model")}},
            "patched failed: alias: no such model",
        ),
        (
            {"codex_stock": {"a turn": CodexOutcome(True, 0.4, 1, 0, 0)}},
            "stock did not refuse Codex: a turn (it asks from 0.116.0 on)",
        ),
        (
            {"codex_patched": {"a turn": dataclasses.replace(CODEX_SERVED, posts=1)}},
            "patched did not serve Codex over WebSocket: a turn",
        ),
        (
            {"codex_patched": {"a turn": dataclasses.replace(CODEX_SERVED, completed=False)}},
            "patched did not serve Codex over WebSocket: a turn",
        ),
    ],
)
def test_what_is_not_as_claimed_is_a_problem(changes, problem):
    """Each deviation is a problem."""
    assert comparison(**changes).problems == [problem]


def test_line_1_is_not_blamed_for_what_it_leaves_to_stock():
    """For patch 1.x the demonstration has no alias, which that line does not fix."""
    assert "alias" not in {case.name for case in cases_for("1.0.0")}
    assert comparison("1.0.0").problems == []


def test_the_turns_of_a_case_are_added_up():
    """A case with two turns adds up their tokens and has the first turn's first event."""
    usage = {"input_tokens": 11, "output_tokens": 7}
    end = {"type": "response.completed", "response": {"id": "r", "usage": usage}}
    delta = {"type": "response.output_text.delta", "delta": "Hi"}
    turns = [Turn((end,), None, 5.0, 50.0), Turn((delta, end), None, 6.0, 60.0)]
    assert summarize(101, turns) == CaseOutcome(101, True, 5.0, 110.0, 3, 22, 14)


@pytest.mark.parametrize(
    ("turn", "error"),
    [
        (Turn(({"type": "error", "error": {"message": "no"}},), None, 1.0, 1.0), "no"),
        (Turn((), None, None, 15_000.0), "no answer in time"),
        (Turn((), 1011, None, 1.0), "closed with 1011"),
        (Turn(({"type": "response.failed"},), None, 1.0, 1.0), "response.failed"),
    ],
)
def test_a_turn_that_failed_says_how(turn, error):
    """A failed turn is described: an error event, silence, a close, or a failed response."""
    outcome = summarize(101, [turn])
    assert not outcome.completed
    assert outcome.error == error


def test_the_tables_fit_a_small_terminal(capsys, monkeypatch):
    """The tables fit into 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    command.print_comparison(comparison())
    shown = capsys.readouterr().out
    assert "…" not in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "nested frame response.model 403 101 ok 9 ms 123 ms 14 11+7" in rows
    assert "a turn 6.50 s, 7 sockets refused, then HTTP 0.50 s, WebSocket" in rows
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_release_that_is_fixed_has_nothing_to_show():
    """A fixed release is refused with a hint at an affected one."""
    with pytest.raises(OverlayError, match=r"LiteLLM 1\.90\.0 is fixed") as error:
        command.choose_release("1.90.0", None)
    assert "1.88.6" in error.value.hint


def test_an_unknown_patch_version_is_refused():
    """An unknown patch version is refused with a list of known ones."""
    with pytest.raises(NotInCatalogueError, match=r"no patch version 9\.9\.9") as error:
        command.choose_release(None, "9.9.9")
    assert "2.0.0" in error.value.hint


def test_the_default_is_the_newest_of_both():
    """The defaults are the newest affected release and the newest patch."""
    release, patch = command.choose_release(None, None)
    assert (release.version, patch) == ("1.88.6", "2.0.0")


@pytest.fixture(name="staged")
def _staged(monkeypatch):
    """Replace the real run; the result is what a test appends to the list."""
    outcome = []

    class Server:
        url = "http://127.0.0.1:4000"
        log = Path("/logs/patched.log")

    class Compare:
        def __init__(self, *arguments):
            pass

        def __enter__(self):
            return outcome[0], Server

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(command, "compare", Compare)
    return outcome


def test_json_goes_to_stdout_and_nothing_else(staged):
    """With JSON output stdout has one object; messages go to stderr."""
    staged.append(comparison())
    result = CliRunner().invoke(command.demo, ["--output", "json", "--litellm", "1.82.3"])
    shown = json.loads(result.stdout)
    assert shown["problems"] == []
    assert shown["stock"]["cases"]["flat frame"]["handshake"] == 403
    assert "CVE-2026-42208 (fixed in 1.83.7)" in " ".join(result.stderr.split())


def test_a_difference_has_its_own_exit_code(staged):
    """A failure of the patched proxy exits with 5 and names the log."""
    staged.append(comparison(patched={"flat frame": REFUSED}))
    error = CliRunner().invoke(command.demo, []).exception
    assert error.exit_code == 5
    assert "patched failed: flat frame: HTTP 403" in error.message
    assert error.hint == "the logs are in /logs"


def test_logs_stay_only_when_something_went_wrong(tmp_path):
    """Logs are kept after an error, and deleted after success or Ctrl-C."""
    with scratch_folder(tmp_path):
        pass
    with pytest.raises(KeyboardInterrupt), scratch_folder(tmp_path):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
    with pytest.raises(OverlayError), scratch_folder(tmp_path):
        raise OverlayError("the proxy ended")
    assert list(tmp_path.iterdir())
