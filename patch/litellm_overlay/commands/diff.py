"""`litellm-overlay diff`: show what the pod would change, before any pod does."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from endpoint_patch.errors import GuardError, PlanUnreadableError
from endpoint_patch.locate import locate
from litellm_overlay import catalogue, difference, environment
from litellm_overlay.errors import OverlayError

COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command()
@click.argument("target", required=False)
@click.option(
    "--installed",
    metavar="VENV|PYTHON",
    type=click.Path(exists=True, path_type=Path),
    help="Take the LiteLLM that is installed there.",
)
@click.option("--patch", metavar="VERSION", help="The patch version; default: the newest.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the overlay, such as mode=http-fallback; may be given several times.",
)
@click.option("--stat", is_flag=True, help="Only count the lines.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(
    target: str | None,
    installed: Path | None,
    patch: str | None,
    settings: tuple[str, ...],
    stat: bool,
    output: str,
) -> None:
    """Show what the pod would change in a stock endpoints.py.

    TARGET is a LiteLLM release, whose file is fetched from the package index, or the path of a
    file. The diff goes to stdout, the decision to stderr. Nothing is changed.

    \b
    Examples:
      litellm-overlay diff 1.88.6
      litellm-overlay diff 1.82.3 --patch 1.0.0 --stat
      litellm-overlay diff ./endpoints.py --set mode=http-fallback
      litellm-overlay diff --installed /opt/litellm/.venv | less

    \b
    Exit codes: 0 the file would be patched, or upstream has fixed it already; 2 usage;
    3 the pod would refuse: the release, file or patch version is not known; 1 other failures.
    """
    if (target is None) == (installed is None):
        raise click.UsageError("Give either TARGET or --installed.")
    try:
        chosen = difference.parse_settings(settings)
    except PlanUnreadableError as error:
        raise click.BadParameter(error.message, param_hint="--set") from error
    try:
        content, version = from_environment(installed) if installed else from_target(target or "")
        newest = catalogue.load().default_patch_version
        result = difference.compare(content, patch or newest, chosen, version)
    except GuardError as error:
        raise OverlayError(error.message, hint=error.hint) from error
    if output == "json":
        counts = {"added": result.added, "removed": result.removed}
        click.echo(json.dumps({**asdict(result), **counts}, indent=2))
        return
    click.echo(f"{result.decision}: {sentence(result)}", err=True)
    if result.hint:
        click.echo(f"hint: {result.hint}", err=True)
    if stat:
        click.echo(f"{difference.MODULE} | +{result.added} -{result.removed}")
    elif result.diff:
        click.echo("\n".join(map(coloured, result.diff.split("\n"))), nl=False)


def sentence(result: difference.Difference) -> str:
    """Return the decision for people; the guard's own sentence tells of a patch as done."""
    if result.decision != "patched":
        return result.message
    name = result.litellm_version or result.known_as
    return f"so the pod would write LiteLLM {name} with patch version {result.patch_version}"


def from_target(target: str) -> tuple[bytes, str | None]:
    """Return the bytes of a file, or of a release's file, and the release if known."""
    if os.sep in target or Path(target).is_file():
        try:
            return Path(target).read_bytes(), None
        except OSError as error:
            raise OverlayError(f"could not read {target}: {error.strerror}") from error
    return environment.stock_endpoints(target), target


def from_environment(where: Path) -> tuple[bytes, str | None]:
    """Return the bytes of an installed LiteLLM's file, found as in the pod, and its release."""
    folder = (where / "bin" if where.is_dir() else where.parent).absolute()
    if not (folder / "litellm").exists():
        raise OverlayError(
            f"there is no `litellm` command in {folder}",
            hint="name the virtual environment, or its Python, that LiteLLM's proxy runs in",
        )
    found = locate(str(folder))
    return Path(found.path).read_bytes(), found.litellm_version


def coloured(line: str) -> str:
    """Return a line of a diff with its colour; click drops it where there is no terminal."""
    return click.style(line, fg=COLOURS[line[0]]) if line[:1] in COLOURS else line
