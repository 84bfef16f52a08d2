"""The one error boundary: a sentence, a next step, an exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest

from litellm_overlay import cli
from litellm_overlay.errors import NotInCatalogueError, OverlayError, VerificationError


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (OverlayError("it broke", hint="mend it"), 1, "error: it broke\nhint: mend it\n"),
        (OverlayError("it broke"), 1, "error: it broke\n"),
        (NotInCatalogueError("no such release"), 3, "error: no such release\n"),
        (VerificationError("differs"), 5, "error: differs\n"),
        (click.UsageError("wrong words"), 2, "Error: wrong words\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (OSError(28, "No space left on device"), 1, "error: No space left on device\n"),
    ],
)
def test_an_error_becomes_text_and_an_exit_code(monkeypatch, capsys, raised, code, said):
    """Whatever kind a verb raises."""

    def fails(**_options):
        raise raised

    monkeypatch.setattr(cli.root, "main", fails)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_every_verb_has_help_with_examples(verb):
    """And says it without having done anything."""
    done = overlay(verb, "--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert f"litellm-overlay {verb}" in done.stdout


def test_options_come_from_the_environment():
    """LITELLM_OVERLAY_<VERB>_<OPTION> stands for --option."""
    done = overlay("releases", "1.88.6", LITELLM_OVERLAY_RELEASES_OUTPUT="json")
    assert done.stdout.startswith("[")


@pytest.mark.parametrize("arguments", [["--all"], ["--all", "--output", "json"], ["--help"]])
def test_a_reader_that_has_seen_enough_hears_no_complaint(arguments):
    """`litellm-overlay releases --all | head -1` is no failure, whoever writes: click or Rich."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "litellm_overlay", "releases", *arguments]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("moment", "code", "said"),
    [
        ("sys.meta_path.insert(0, type('', (), {'find_spec': interrupt}))", 130, "interrupted\n"),
        ("atexit.register(interrupt)", 0, ""),
    ],
    ids=["while modules are read", "when all is done"],
)
def test_ctrl_c_before_and_after_a_verb(moment, code, said):
    """No traceback; what is done is done."""
    script = (
        "import atexit, signal, sys; from litellm_overlay.__main__ import main; "
        f"interrupt = lambda *_: signal.raise_signal(signal.SIGINT); {moment}; main()"
    )
    command = [sys.executable, "-c", script, "--version"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (code, said)


def test_shell_completion_is_offered():
    """As the root command's help says."""
    assert "litellm-overlay" in overlay(_LITELLM_OVERLAY_COMPLETE="bash_source").stdout


def overlay(*arguments, **environ):
    """Run the command line in a process of its own."""
    script = (
        "import sys; sys.argv[0] = 'litellm-overlay'; from litellm_overlay.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **environ},
        text=True,
    )
