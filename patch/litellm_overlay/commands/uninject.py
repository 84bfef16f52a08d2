"""`litellm-overlay uninject`: take the overlay out of manifests; the same as `inject --remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from litellm_overlay.commands.manifest_options import manifest_options
from litellm_overlay.commands.overlay_options import workload_option
from litellm_overlay.commands.taking_out import take_out

if TYPE_CHECKING:
    from litellm_overlay.commands.manifest_options import Manifests


@click.command()
@manifest_options
@workload_option
def uninject(manifests: Manifests, workloads: tuple[str, ...]) -> None:
    """Take the overlay out of manifests: what `inject` was given, to the byte.

    FILE and FOLDER as for `inject`, by default stdin. The payload's ConfigMaps go as well; those in
    a cluster stay until they are deleted there, so that `kubectl rollout undo` finds them. Which
    workloads the overlay was taken out of is said on stderr, and so is that there was none.

    \b
    Examples:
      litellm-overlay uninject < overlaid.yaml > manifests.yaml
      litellm-overlay uninject overlaid.yaml | kubectl apply --filename -
      litellm-overlay uninject --workload Deployment/canary < overlaid.yaml
      litellm-overlay render --format payload | kubectl delete --filename -  (when all are out)

    \b
    Exit codes: 0 done; 1 it cannot be taken out in place; 2 usage.
    """
    take_out(manifests.read(), workloads)
