"""Take the overlay out of manifests, for `uninject` and `inject --remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.commands.files import write_stdout
from litellm_overlay.commands.overlay_options import say
from litellm_overlay.commands.uncollected import uncollected
from litellm_overlay.overlay import inject as core

if TYPE_CHECKING:
    from litellm_overlay.overlay.inject import Removed

_PAYLOAD_STAYS = (
    "kubectl apply leaves them in the cluster; when no pod there needs them: "
    "litellm-overlay render --format payload | kubectl delete --filename -"
)


def take_out(text: str, workloads: tuple[str, ...], *, dry_run: bool = False) -> None:
    """Print manifests without the overlay; with `dry_run`, print only what would be taken out."""
    with uncollected():
        result = core.take_out(text, workloads)
    _tell(result, err=not dry_run)
    if not dry_run:
        write_stdout(result.text)


def _tell(result: Removed, *, err: bool) -> None:
    """Print which workloads the overlay was taken out of, or that there was none."""
    for title in result.out:
        say(f"{title}: the overlay is taken out", err=err)
    for title in result.stay:
        say(f"{title}: left alone: it carries the overlay, and is not among those chosen", err=err)
    if result.payloads:
        number = f"{result.payloads} ConfigMap{'s' * (result.payloads != 1)}"
        say(f"payload: {number} taken out", _PAYLOAD_STAYS, err=err)
    if not (result.out or result.payloads):
        what = "that is chosen " if result.stay else "in these manifests "
        say(f"nothing to do: no workload {what}carries the overlay", err=err)
