"""The root command and the one place where an error becomes text and an exit code."""

from __future__ import annotations

import importlib
import os
import sys

import click

from litellm_overlay import __version__
from litellm_overlay.errors import OverlayError

VERBS = {
    "demo": "See the defect and the cure on this machine; no cluster needed.",
    "diff": "Show what the pod would change in a stock endpoints.py.",
    "render": "Print the overlay: manifests, kustomize, or values for LiteLLM's own charts.",
    "inject": "Put the overlay into manifests, or take it out: stdin to stdout.",
    "doctor": "Find what is wrong with proxies and the way to them: manifests in, findings out.",
    "probe": "Speak to a proxy as Codex does, over WebSocket, and judge the answer.",
    "status": "Show what the overlay does in each proxy of a cluster.",
    "verify": "Make a turn in each pod that carries the overlay, and hash the file it runs.",
    "pin": "Write a lock file: which image and which patch are to run, to the digest.",
    "releases": "Tell whether a LiteLLM release or image is affected, and what to pin.",
    "check-upgrade": "Tell what a change of LiteLLM means, before it is made.",
}


class Verbs(click.Group):
    """Imports a verb's module only when that verb is asked for, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of an operator's day."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the click command named like its module, or None."""
        del ctx
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"litellm_overlay.commands.{name}")
        command: click.Command = getattr(module, name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb; that the reader of its output, `head` perhaps, has seen enough is no failure.

        Rich tells of it by SystemExit, which nothing else raises here.
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
        "auto_envvar_prefix": "LITELLM_OVERLAY",
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="litellm-overlay")
def root() -> None:
    """Make a stock LiteLLM image speak the OpenAI Responses WebSocket protocol.

    Every option can come from the environment: LITELLM_OVERLAY_<VERB>_<OPTION>.

    \b
    Exit codes: 0 done, 1 failed, 2 usage, 3 release or patch version not in the catalogue,
    4 cluster unreachable or refused, 5 verification found a difference, 130 interrupted.

    \b
    Shell completion (bash; zsh and fish alike):
      eval "$(_LITELLM_OVERLAY_COMPLETE=bash_source litellm-overlay)"
    """


def main() -> None:
    """Run the command line; never lets a traceback of an expected error through."""
    try:
        code = root.main(standalone_mode=False)
    except OverlayError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OSError as error:
        click.echo(f"error: {error.strerror or error}", err=True)
        click.echo("hint: is the disk full, or a path not readable or writable?", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
