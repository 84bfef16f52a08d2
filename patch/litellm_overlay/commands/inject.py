"""`litellm-overlay inject`: put the overlay into manifests that somebody else made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from litellm_overlay import catalogue, lock, plan
from litellm_overlay import inject as core
from litellm_overlay.commands.overlay_options import (
    FILE,
    lock_option,
    overlay_options,
    read_lock,
    read_text,
    read_values,
    tell,
)

if TYPE_CHECKING:
    from litellm_overlay.plan import OverlayPlan, Proxy


@click.command()
@click.argument("manifests", type=FILE, default=Path("-"))
@click.option("--remove", is_flag=True, help="Take the overlay out again.")
@lock_option
@overlay_options
def inject(
    manifests: Path,
    remove: bool,
    lock_file: Path | None,
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
      litellm-overlay inject --lock litellm-overlay.lock < manifests.yaml > overlaid.yaml
      litellm-overlay inject --remove < overlaid.yaml

    \b
    Exit codes: 0 done; 1 no proxy found, or the overlay does not fit; 2 usage or values;
    3 release or patch version not in the catalogue; 5 it is not what the lock says.
    """
    text = read_text(manifests)
    if remove:
        _write(core.remove(text))
        return
    given = read_values(values, settings, container=container, **options)
    locked = read_lock(lock_file)
    if locked:
        given = lock.fill(given, locked)
    known = catalogue.load()
    payloads = plan.payloads(given.name, known)

    def make(proxy: Proxy) -> OverlayPlan:
        overlay = plan.make(given, proxy, known, payloads)
        if locked:
            lock.refuse(locked, lock.of_image(proxy.image, overlay.payload, given, known))
        return overlay

    result = core.inject(text, make, payloads, given.container)
    _write(result.text)
    tell(result.overlaid, given)


def _write(text: str) -> None:
    # Bytes: what was not touched is passed on as it came, line ends included.
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
