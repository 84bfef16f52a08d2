"""`litellm-overlay inject`: put the overlay into manifests that somebody else made."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from litellm_overlay import catalogue, plan
from litellm_overlay import inject as core
from litellm_overlay.commands.overlay_options import (
    FILE,
    overlay_options,
    read_text,
    read_values,
    tell,
)


@click.command()
@click.argument("manifests", type=FILE, default=Path("-"))
@click.option("--remove", is_flag=True, help="Take the overlay out again.")
@overlay_options
def inject(
    manifests: Path,
    remove: bool,
    values: Path | None,
    settings: tuple[str, ...],
    container: str | None,
    **options: str | None,
) -> None:
    """Put the overlay into manifests: stdin to stdout.

    MANIFESTS is a file, by default stdin. Pods that run a proxy of LiteLLM get the init container,
    the volumes and the mount; the payload's ConfigMaps are added. Jobs, hooks and init containers
    that run the same image are left alone, and so is every document without a proxy, to the byte.
    An overlay that is there already is replaced. What was done is said on stderr.

    \b
    Examples:
      helm template litellm … | litellm-overlay inject | kubectl apply --filename -
      kustomize build . | litellm-overlay inject --patch 1.0.0 > overlaid.yaml
      helm upgrade litellm … --post-renderer litellm-overlay --post-renderer-args inject  (Helm 3)
      litellm-overlay inject --remove < overlaid.yaml

    \b
    Exit codes: 0 done; 1 no proxy found, or the overlay does not fit; 2 usage or values;
    3 release or patch version not in the catalogue.
    """
    text = read_text(manifests)
    if remove:
        _write(core.remove(text))
        return
    given = read_values(values, settings, container=container, **options)
    known = catalogue.load()
    payloads = plan.payloads(given.name, known)
    result = core.inject(
        text,
        lambda proxy: plan.make(given, proxy, known, payloads),
        payloads,
        given.container,
    )
    _write(result.text)
    tell(result.overlaid, given)


def _write(text: str) -> None:
    # Bytes: what was not touched is passed on as it came, line ends included.
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
