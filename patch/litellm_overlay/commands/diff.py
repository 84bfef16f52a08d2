"""`litellm-overlay diff`: show what the pod would change, before any pod does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from packaging.version import InvalidVersion, Version

from endpoint_patch import compromised, syntax
from endpoint_patch.errors import AnchorError, GuardError, PlanUnreadableError
from endpoint_patch.locate import locate
from litellm_overlay.camel_case import to_camel_case_data
from litellm_overlay.catalogue import assessment, releases
from litellm_overlay.commands import guards
from litellm_overlay.commands.index_options import describe_lookup, look_up, offline_option
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.commands.overlay_options import warn
from litellm_overlay.errors import NotInCatalogueError, OverlayError
from litellm_overlay.local import environment
from litellm_overlay.overlay import preview
from litellm_overlay.overlay.values import parse_settings
from litellm_overlay.printed import sanitize

if TYPE_CHECKING:
    from litellm_overlay.catalogue.releases import Catalogue

_TARGET = "TARGET is a release, as 1.88.6, or the path of LiteLLM's endpoints.py"
_FROM_A_POD = (
    "take the file from a pod: kubectl exec POD --container NAME -- cat PATH > endpoints.py; then: "
    "litellm-overlay diff ./endpoints.py"
)
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
@click.option(
    "--on-fixed",
    type=click.Choice(["passthrough", "patch"]),
    default="passthrough",
    show_default=True,
    help="What to do where upstream has fixed the handshake: leave the file as it is, or put the"
    " bridge there too.",
)
@offline_option
@click.option("--stat", is_flag=True, help="Only count the lines.")
@output_option()
def diff(
    target: str | None,
    installed: Path | None,
    patch: str | None,
    settings: tuple[str, ...],
    on_fixed: str,
    offline: bool,
    stat: bool,
    output: str,
) -> None:
    """Show what the pod would change in a stock endpoints.py.

    TARGET is a LiteLLM release, whose file is fetched from the package index, or the path of an
    endpoints.py, from a pod perhaps: kubectl exec POD --container NAME -- cat PATH > endpoints.py.
    It is compared with what the pod would write; an overlay that is in it is taken out first. Of a
    release that is newer than the catalogue the file is taken as the index gives it, with a
    warning. The diff goes to stdout, the decision to stderr. Nothing is changed.

    \b
    Examples:
      litellm-overlay diff 1.88.6
      litellm-overlay diff 1.82.3 --patch 1.0.0 --stat
      litellm-overlay diff ./endpoints.py --set mode=http-fallback
      litellm-overlay diff 1.109.1 --on-fixed patch --stat
      litellm-overlay diff --installed /opt/litellm/.venv | less

    \b
    Exit codes: 0 the file would be patched, or upstream has fixed it already; 2 usage;
    3 the pod would refuse: the release, file or patch version is not known; 1 other failures.
    """
    if (target is None) == (installed is None):
        raise click.UsageError("Give either TARGET or --installed.")
    try:
        chosen = parse_settings(settings)
    except PlanUnreadableError as error:
        raise click.BadParameter(error.message, param_hint="--set") from error
    try:
        content, version = (
            read_installed_endpoints(installed)
            if installed
            else from_target(target or "", offline=offline)
        )
        newest = releases.load().default_patch_version
        if not version:
            require_module(content, str(installed or target))
        result = guards.preview_patch(content, patch or newest, chosen, version, on_fixed)
    except GuardError as error:
        raise OverlayError(error.message, hint=error.hint) from error
    if is_for_programs(output):
        print_data(output, to_json(result))
        return
    click.echo(f"{result.decision}: {sentence(result, str(installed or target))}", err=True)
    if result.hint:
        click.echo(f"hint: {result.hint}", err=True)
    if stat:
        click.echo(f"{preview.MODULE} | +{result.added} -{result.removed}")
    elif result.diff:
        click.echo("\n".join(map(coloured, result.diff.split("\n"))), nl=False)


def to_json(result: preview.Difference) -> dict[str, Any]:
    """Return the difference, with its line counts, as JSON data."""
    return {**to_camel_case_data(result), "added": result.added, "removed": result.removed}


def sentence(result: preview.Difference, target: str) -> str:
    """Return the decision for people; for a patch, which files the diff compares.

    The guard's own sentence would report the patch as done.
    """
    if result.decision != "patched":
        return result.message
    release = result.litellm_version or result.known_as
    name = "the stock endpoints.py" if result.litellm_version else sanitize(target)
    return (
        f"from {name} of LiteLLM {release} to what the pod would write, with patch version "
        f"{result.patch_version}"
    )


def from_target(target: str, *, offline: bool) -> tuple[bytes, str | None]:
    """Read `target`, a path or a LiteLLM release; return the file's bytes and its release.

    The release is None for a path. Raises OverlayError if the file cannot be read.
    """
    catalogue = releases.load()
    if os.sep in target or target.endswith(".py") or Path(target).exists():
        try:
            return Path(target).read_bytes(), None
        except OSError as error:
            hint = release_of(target, catalogue) or _TARGET
            raise OverlayError(f"could not read {target}: {error.strerror}", hint) from error
    if not is_version(target):
        raise NotInCatalogueError(
            f"{target!r} is neither a version nor a file", release_of(target, catalogue) or _TARGET
        )
    assessed = assessment.find_malware(catalogue, target) or assessment.Assessment(
        target, catalogue.find(target), exact=True, why=""
    )
    if assessed.state != releases.UNREVIEWED:
        name = assessed.release.version if assessed.release else target
        return environment.stock_endpoints(target), name
    look = look_up(assessed, offline=offline)
    warn(describe_lookup(look, catalogue))
    if look is None or look.endpoints is None:
        raise NotInCatalogueError(
            f"LiteLLM {target} is newer than the catalogue, and its file could not be read",
            _FROM_A_POD,
        )
    return look.endpoints, look.version


def release_of(target: str, catalogue: Catalogue) -> str:
    """Return a hint to name the release if `target` is an image that names one, else ""."""
    try:
        release = assessment.assess(target, catalogue).release
    except (ValueError, NotInCatalogueError):
        return ""
    return (
        f"of an image give the release: litellm-overlay diff {release.version}" if release else ""
    )


def is_version(text: str) -> bool:
    """Tell whether a text is a PEP 440 version, released or not."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def require_module(content: bytes, target: str) -> None:
    """Raise NotInCatalogueError unless a file is a Python module; it may be manifests."""
    try:
        syntax.parse(content)
    except AnchorError as error:
        raise NotInCatalogueError(
            f"{target} is no Python module, and so no endpoints.py of LiteLLM",
            f"{_FROM_A_POD}. What inject changes in manifests: litellm-overlay inject < MANIFESTS "
            "| diff -u MANIFESTS -",
        ) from error


def read_installed_endpoints(where: Path) -> tuple[bytes, str | None]:
    """Return an installed LiteLLM's endpoints.py, located as in the pod, and its release."""
    folder = (where / "bin" if where.is_dir() else where.parent).absolute()
    if not (folder / "litellm").exists():
        raise OverlayError(
            f"there is no `litellm` command in {folder}",
            hint="name the virtual environment, or its Python, that LiteLLM's proxy runs in",
        )
    located = locate(str(folder))
    compromised.refuse(located.versions)
    return Path(located.path).read_bytes(), located.litellm_version


def coloured(line: str) -> str:
    """Return a line of a diff with its colour, which click removes outside a terminal."""
    return click.style(line, fg=COLOURS[line[0]]) if line[:1] in COLOURS else line
