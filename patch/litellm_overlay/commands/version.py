"""`litellm-overlay version`: print the versions of this tool, its patches and its catalogue."""

from __future__ import annotations

import platform

import click

from litellm_overlay import __version__
from litellm_overlay.catalogue import releases
from litellm_overlay.commands.output import is_for_programs, output_option, print_data


@click.command()
@output_option()
def version(output: str) -> None:
    """Tell the versions of this tool, of its patches, and the newest release in its catalogue.

    \b
    Examples:
      litellm-overlay version
      litellm-overlay version --output json | jq -r .version
    """
    catalogue = releases.load()
    versions = {
        "version": __version__,
        "patchVersion": catalogue.default_patch_version,
        "patchVersions": list(catalogue.patch_versions),
        "newestRelease": catalogue.releases[-1].version,
        "python": platform.python_version(),
    }
    if is_for_programs(output):
        print_data(output, versions)
        return
    click.echo(
        f"litellm-overlay {__version__}\n"
        f"patch versions: {', '.join(catalogue.patch_versions)}; "
        f"default {catalogue.default_patch_version}\n"
        f"catalogue: LiteLLM up to {versions['newestRelease']}"
    )
