"""The error boundary: a sentence, a hint and an exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest

from litellm_overlay import cli
from litellm_overlay.errors import NotInCatalogueError, OverlayError, VerificationError

NOT_REPORTING = ("completion", "inject", "render", "uninject")  # they print what they make


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (OverlayError("it broke", hint="mend it"), 1, "error: it broke\nhint: mend it\n"),
        (OverlayError("it broke"), 1, "error: it broke\n"),
        (NotInCatalogueError("no such release"), 3, "error: no such release\n"),
        (VerificationError("differs"), 5, "error: differs\n"),
        (
            click.UsageError("wrong words"),
            2,
            "error: wrong words\nhint: litellm-overlay --help\n",
        ),
        (click.ClickException("it broke"), 1, "error: it broke\n"),
        (OSError(28, "No space left on device"), 1, "error: No space left on device\n"),
    ],
)
def test_an_error_becomes_text_and_an_exit_code(monkeypatch, capsys, raised, code, said):
    """Each kind of exception becomes a message and an exit code."""

    def fails(**_options):
        raise raised

    monkeypatch.setattr(cli.root, "main", fails)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (["mend"], 2, "No such command 'mend'.", "litellm-overlay --help"),
        (["injct"], 2, "No such command 'injct'. Did you mean inject?", "litellm-overlay --help"),
        (["Uninstall"], 2, "No such command 'Uninstall'. Did you mean uninject?", ""),
        (["status", "--nosuch"], 2, "No such option '--nosuch'", "litellm-overlay status --help"),
        (["probe"], 2, "Missing argument 'URL'", "litellm-overlay probe --help"),
        (["check-upgrade"], 2, "Missing option '--to'", "litellm-overlay check-upgrade --help"),
        (
            ["releases", "--output", "xml"],
            2,
            "Invalid value for '-o' / '--output': 'xml' is not one of 'text', 'json', 'yaml'",
            "litellm-overlay releases --help",
        ),
        (
            ["releases", "1.88.6", "--all"],
            2,
            "Give either VERSION or IMAGE, or options that list releases",
            "litellm-overlay releases --help",
        ),
        (
            ["render", "--set", "mode=x"],
            2,
            "Invalid value for --set: ",
            "litellm-overlay render --help",
        ),
        (
            ["releases", "1.74.0"],
            3,
            "LiteLLM 1.74.0 is not in the catalogue",
            "the catalogue begins",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_are_told_in_the_form_of_every_error(arguments, code, error, hint):
    """Wrong usage has one line `error: …` and one line `hint: …`."""
    done = overlay(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    first, last = done.stderr.splitlines()
    assert first.startswith(f"error: {error}")
    assert last.startswith(f"hint: {hint}")


def test_no_word_at_all_gets_the_help():
    """Without arguments the help is printed, without an error."""
    done = overlay()
    assert "error:" not in done.stdout + done.stderr
    assert (done.stdout + done.stderr).startswith("Usage: litellm-overlay ")


@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_every_verb_has_help_with_examples(verb):
    """Every verb has help with examples."""
    done = overlay(verb, "--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert f"litellm-overlay {verb}" in done.stdout


def test_options_come_from_the_environment():
    """LITELLM_OVERLAY_<VERB>_<OPTION> sets an option."""
    done = overlay("releases", "1.88.6", LITELLM_OVERLAY_RELEASES_OUTPUT="json")
    assert done.stdout.startswith("[")


@pytest.mark.parametrize("verb", cli.VERBS)
def test_a_variable_is_named_as_the_option_is_typed(verb):
    """A variable has the option's name as typed, not its parameter's."""
    options = [it for it in cli.root.get_command(None, verb).params if isinstance(it, click.Option)]
    for option in options:
        typed = max(option.opts, key=len)
        variable = f"LITELLM_OVERLAY_{verb}_{typed.removeprefix('--')}".upper().replace("-", "_")
        assert option.envvar[0] == variable
        assert option.show_envvar == (len(option.envvar) > 1)


@pytest.mark.parametrize(
    ("arguments", "variables", "error", "named"),
    [
        (["inject"], {"INJECT_ON_FIXED": "x"}, "Invalid value for '--on-fixed'", "INJECT_ON_FIXED"),
        (["inject"], {"INJECT_STRICT": "maybe"}, "Invalid value for '--strict'", "INJECT_STRICT"),
        (["inject"], {"INJECT_SET": "a=b"}, "Invalid value for --set", "INJECT_SET"),
        (["inject"], {"INJECT_PATCH": "9"}, "there is no patch version 9", "INJECT_PATCH"),
        (["inject"], {"INJECT_MODULE_PATH": "x"}, "modulePath must be", "INJECT_MODULE_PATH"),
        (["inject"], {"INJECT_WORKLOAD": "A/x B/y"}, "2 refusals", "INJECT_WORKLOAD"),
        (["inject"], {"LOCK": "/nosuch"}, "could not read /nosuch", "LOCK"),
        (["inject"], {"INJECT_LOCK": "/nosuch", "LOCK": "x"}, "could not read /nosuch", "INJECT_LOCK"),
        (["inject", "--patch", "9"], {"INJECT_PATCH": "1.0.0"}, "there is no patch version 9", ""),
        (["inject", "--patch", "9"], {"DOCTOR_OUTPUT": "x"}, "there is no patch version 9", ""),
        (["doctor"], {"DOCTOR_FAIL_ON": "x"}, "Invalid value for '--fail-on'", "DOCTOR_FAIL_ON"),
        (
            ["check-upgrade", "--from", "x:y:z"],
            {"CHECK_UPGRADE_TO": "1.88.6", "CHECK_UPGRADE_OUTPUT": "json"},
            "Invalid value for --from",
            "CHECK_UPGRADE_TO, LITELLM_OVERLAY_CHECK_UPGRADE_OUTPUT",
        ),
    ],
)  # fmt: skip
def test_an_error_names_the_variables_that_options_came_from(arguments, variables, error, named):
    """An error names the variables that set this verb's options, unless overridden."""
    prefixed = {f"LITELLM_OVERLAY_{name}": value for name, value in variables.items()}
    done = overlay(*arguments, **prefixed)
    *_, last = [line for line in done.stderr.splitlines() if ": " in line]
    assert any(line.startswith(f"error: {error}") for line in done.stderr.splitlines())
    assert (last == f"hint: taken from the environment: LITELLM_OVERLAY_{named}") == bool(named)
    assert done.returncode != 0


@pytest.mark.parametrize("arguments", [["--all"], ["--all", "--output", "json"], ["--help"]])
def test_a_reader_that_has_seen_enough_hears_no_complaint(arguments):
    """A closed pipe causes no error."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "litellm_overlay", "releases", *arguments]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


INSIDE_A_CLASS = (
    "find_spec = lambda *_: type('', (), {'field': type('', (), {'__set_name__': interrupt})()})"
)
# Nothing else refers to the object: it ends at once, and its callback runs.
IN_A_CALLBACK = (
    "import time, weakref; from litellm_overlay import cli; "
    "cli.main = lambda: (weakref.ref(type('', (), {})(), interrupt), time.sleep(60))"
)


@pytest.mark.parametrize(
    ("moment", "code", "said"),
    [
        ("sys.meta_path.insert(0, type('', (), {'find_spec': interrupt}))", 130, "interrupted\n"),
        (
            f"{INSIDE_A_CLASS}; sys.meta_path.insert(0, type('', (), {{'find_spec': find_spec}}))",
            130,
            "interrupted\n",
        ),
        ("from litellm_overlay import cli; cli.root.main = interrupt", 130, "interrupted\n"),
        (IN_A_CALLBACK, 130, "interrupted\n"),
        (
            "from litellm_overlay import cli; cli.main = lambda: None; signal.signal = interrupt",
            130,
            "interrupted\n",
        ),
        ("atexit.register(interrupt)", 0, ""),
    ],
    ids=[
        "while modules are read",
        "while a class is made",
        "in a verb",
        "where Python lets no error through",
        "between the verb and the last line",
        "when all is done",
    ],
)
def test_ctrl_c_before_and_after_a_verb(moment, code, said):
    """Ctrl-C before or after a verb gives no traceback."""
    script = (
        "import atexit, signal, sys; from litellm_overlay.__main__ import main; "
        f"interrupt = lambda *_, **__: signal.raise_signal(signal.SIGINT); {moment}; main()"
    )
    command = [sys.executable, "-c", script, "--version"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_is_offered(shell):
    """The completion scripts work, and complete our verbs."""
    script = overlay("completion", shell).stdout
    assert "_LITELLM_OVERLAY_COMPLETE=" in script
    assert "litellm-overlay" in script
    asked = {"COMP_WORDS": "litellm-overlay unin", "COMP_CWORD": "1"}
    told = overlay(_LITELLM_OVERLAY_COMPLETE="bash_complete", **asked).stdout
    assert told.strip() == "plain,uninject"


@pytest.mark.parametrize("verb", [verb for verb in cli.VERBS if verb not in NOT_REPORTING])
def test_each_verb_that_reports_has_the_same_output_option(verb):
    """Each verb with reports has `-o` and `--output` with text, JSON and YAML."""
    (option,) = (it for it in cli.root.get_command(None, verb).params if it.name == "output")
    assert option.opts == ["-o", "--output"]
    assert [it for it in option.type.choices if it != "wide"] == ["text", "json", "yaml"]
    assert option.default == "text"


@pytest.mark.parametrize("verb", cli.VERBS)
def test_f_never_means_values(verb):
    """`-f` means --filename or nothing, never values."""
    for option in cli.root.get_command(None, verb).params:
        assert "-f" not in option.opts or option.opts == ["-f", "--filename"]
        assert option.name != "values" or option.opts == ["--values"]


def overlay(*arguments, **environ):
    """Run the command line in a process."""
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
