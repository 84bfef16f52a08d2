"""The root command, and the one place that turns an error into a message and an exit code."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import NoReturn

import click

from litellm_overlay import __version__
from litellm_overlay.commands import variables
from litellm_overlay.errors import OverlayError
from litellm_overlay.printed import sanitize

VERBS = {
    "demo": "See the defect and the cure on this machine; no cluster needed.",
    "diff": "Show what the pod would change in a stock endpoints.py.",
    "render": "Print the overlay: manifests, kustomize, or values for LiteLLM's own charts.",
    "inject": "Put the overlay into manifests: files or stdin to stdout.",
    "uninject": "Take the overlay out of manifests: what inject was given, to the byte.",
    "doctor": "Find what is wrong with proxies and the way to them: manifests in, findings out.",
    "probe": "Speak to a proxy as Codex does, over WebSocket, and judge the answer.",
    "status": "Show what the overlay does in each proxy of a cluster.",
    "verify": "Make a turn in each pod that carries the overlay, and hash the file it runs.",
    "pin": "Write a lock file: which image and which patch are to run, to the digest.",
    "releases": "Tell whether a LiteLLM release or image is affected, and what to pin.",
    "check-upgrade": "Tell what a change of LiteLLM means, before it is made.",
    "completion": "Print what makes a shell complete verbs and options.",
    "version": "Tell the versions of this tool, its patches and its catalogue.",
}
# Words that other tools use -> our verbs.
_ALIKE = {
    "apply": "inject",
    "check": "doctor",
    "describe": "status",
    "get": "status",
    "install": "inject",
    "lint": "doctor",
    "list": "status",
    "ls": "status",
    "lock": "pin",
    "patch": "inject",
    "remove": "uninject",
    "revert": "uninject",
    "template": "render",
    "test": "verify",
    "uninstall": "uninject",
    "upgrade": "check-upgrade",
    "validate": "doctor",
}

# Click's error for a call without a verb; its message is the help. Click 8.1 lacks the class, and
# prints the help itself.
NO_VERB = getattr(click.exceptions, "NoArgsIsHelpError", ())


class NoSuchVerbError(click.UsageError):
    """The operator typed a verb that does not exist. The message suggests one if it can."""

    def __init__(self, wrong: str, ctx: click.Context) -> None:
        near = difflib.get_close_matches(wrong.lower(), VERBS, n=1)
        meant = _ALIKE.get(wrong.lower()) or (near[0] if near else "")
        question = f" Did you mean {meant}?" if meant else ""
        super().__init__(f"No such command {wrong!r}.{question}", ctx)


class Verbs(click.Group):
    """A group that imports a verb's module only to run that verb, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which an operator needs them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the click command of a verb, None for an unknown verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"litellm_overlay.commands.{name}")
        command: click.Command = getattr(module, name)
        variables.name_variables(name, command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb's name, its command and its arguments.

        Raises NoSuchVerbError for an unknown verb.
        """
        wrong = args[0] if args else ""
        if wrong and wrong not in VERBS and not wrong.startswith("-"):
            raise NoSuchVerbError(wrong, ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb and return its result; 0 if the reader of its output, such as `head`, is gone.

        Rich raises SystemExit for a closed pipe. Nothing else raises it here.
        """
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, SystemExit):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the exit flushes again
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=Verbs,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="litellm-overlay")
def root() -> None:
    """Make a stock LiteLLM image speak the OpenAI Responses WebSocket protocol.

    Every option can come from the environment: LITELLM_OVERLAY_<VERB>_<OPTION>, such as
    LITELLM_OVERLAY_INJECT_MODULE_PATH for inject --module-path. Of an option that may be given
    several times it holds all values, with spaces between. An error names the variables in use.

    \b
    Exit codes: 0 done, 1 failed, 2 usage, 3 release or patch version not in the catalogue,
    4 cluster unreachable or refused, 5 verification found a difference, 130 interrupted.

    \b
    Shell completion (bash; zsh and fish alike):
      source <(litellm-overlay completion bash)
    """


def main() -> None:
    """Run the command line and exit. Expected errors are printed without a traceback."""
    try:
        code = root.main(standalone_mode=False)
    except OverlayError as error:
        fail(error.exit_code, error.message, error.hint, error.variables)
    except click.ClickException as error:
        if isinstance(error, NO_VERB):
            error.show()
            sys.exit(error.exit_code)
        fail(error.exit_code, error.format_message(), command_to_help(error), variables_of(error))
    except OSError as error:
        hint = "is the disk full, or a path not readable or writable?"
        fail(1, str(error.strerror or error), hint)
    except RecursionError:
        fail(1, "something in the input is nested too deep to be read", "what wrote it?")
    sys.exit(code if isinstance(code, int) else 0)


def command_to_help(error: click.ClickException) -> str:
    """Return the `--help` command for a usage error, "" for any other error.

    Click's own usage line is left out: the error names the wrong word, and the help begins with the
    usage.
    """
    if not isinstance(error, click.UsageError):
        return ""
    return f"{error.ctx.command_path if error.ctx else 'litellm-overlay'} --help"


def variables_of(error: click.ClickException) -> tuple[str, ...]:
    """Return the environment variables that supplied options before a usage error; else ()."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return variables.used(context) if context else ()


def fail(code: int, message: str, hint: str, taken: tuple[str, ...] = ()) -> NoReturn:
    """Print the error, the hint and the environment variables in use, and exit with `code`."""
    click.echo(f"error: {sanitize(message)}", err=True)
    if hint:
        click.echo(f"hint: {sanitize(hint)}", err=True)
    if taken:
        click.echo(f"hint: taken from the environment: {', '.join(taken)}", err=True)
    sys.exit(code)
