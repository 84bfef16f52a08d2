"""`litellm-overlay inject`: put the overlay into existing manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from litellm_overlay import lock
from litellm_overlay.commands.files import write_stdout
from litellm_overlay.commands.manifest_options import manifest_options
from litellm_overlay.commands.overlay_options import (
    AUTO,
    lock_option,
    overlay_options,
    read_pinned,
    tell,
    tell_left,
    workload_option,
)
from litellm_overlay.commands.taking_out import take_out
from litellm_overlay.commands.uncollected import uncollected
from litellm_overlay.errors import OverlayError
from litellm_overlay.overlay import inject as core
from litellm_overlay.overlay import resource_list
from litellm_overlay.overlay.plan import Planner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from litellm_overlay.commands.manifest_options import Manifests
    from litellm_overlay.objects.access import Object
    from litellm_overlay.overlay.inject import Injected


DRAIN_SECONDS = 120


@click.command()
@manifest_options
@click.option("--remove", is_flag=True, help="Take the overlay out again; so does `uninject`.")
@workload_option
@click.option(
    "--image-name",
    metavar="NAME",
    help="An image whose name ends in this is LiteLLM's proxy, too; with * in it.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 where something is left alone in doubt.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done, on stdout.")
@click.option(
    "--drain",
    is_flag=True,
    help=f"Let running sessions end before a pod does: hooks, and {DRAIN_SECONDS} s of time.",
)
@lock_option
@overlay_options
def inject(
    manifests: Manifests,
    remove: bool,
    workloads: tuple[str, ...],
    strict: bool,
    dry_run: bool,
    drain: bool,
    lock_file: Path | None,
    values: Path | None,
    settings: tuple[str, ...],
    **options: Any,
) -> None:
    """Put the overlay into manifests: stdin to stdout.

    FILE is a file of manifests, FOLDER one that holds some; by default they are on stdin. Values
    are given by --values, never by -f. Pods that run a proxy of LiteLLM get the init container,
    the volumes and the mount; the payload's ConfigMaps are added. Jobs, hooks, init containers and
    what another object owns are left alone, and so is every document without a proxy, to the byte.
    An overlay that is there already is replaced. What was done is said on stderr, and so is every
    pod template that looks like LiteLLM and was left alone, with the reason and the next step.

    A proxy is known by its image's name. Others are named: --container NAME chooses by name among
    workloads that look like LiteLLM; --workload KIND/NAME, or KIND/NAMESPACE/NAME, names one
    whatever it looks like. --litellm auto asks pods that run for a release that no tag tells: those
    of the stream, else those of the current context's cluster. Their guard has reported it, or the
    guard of another pod with the same image. What is true of some workloads only stands in the
    values file:

    \b
      workloads:
      - {workload: Deployment/gateway, container: app, litellmVersion: 1.86.2}
      - {workload: StatefulSet/eu-*, patch: {version: 1.0.0}, onUnknown: passthrough}
      - {workload: Deployment/legacy, leaveOut: true}

    It is a KRM function, too: a ResourceList in is a ResourceList out, and the `spec` of its
    functionConfig are the values. See docs/ways.md.

    \b
    Examples:
      helm template litellm … | litellm-overlay inject | kubectl apply --filename -
      kustomize build . | litellm-overlay inject --patch 1.0.0 > overlaid.yaml
      helm upgrade litellm … --post-renderer litellm-overlay --post-renderer-args inject  (Helm 3)
      litellm-overlay inject --lock litellm-overlay.lock < manifests.yaml > overlaid.yaml
      litellm-overlay inject --workload 'Deployment/llm-*' --workload '!*/legacy' < manifests.yaml
      litellm-overlay inject --drain deployment.yaml > overlaid.yaml
      kubectl get deploy,pods --output yaml | litellm-overlay inject --litellm auto > overlaid.yaml
      litellm-overlay inject --dry-run < manifests.yaml
      litellm-overlay inject --remove < overlaid.yaml

    \b
    Exit codes: 0 done; 1 no proxy found, the overlay does not fit, or --strict; 2 usage or values;
    3 release or patch version not in the catalogue; 5 it is not what the lock says.
    """
    text = manifests.read(values_option=True)
    if remove:
        take_out(text, workloads, dry_run=dry_run)
        return
    if drain:
        options["drain_seconds"] = DRAIN_SECONDS
    pods = _pods_to_ask(options)
    asked = resource_list.values_in(text)
    if values and asked not in {None, "{}"}:
        raise click.UsageError("Give either --values, or a functionConfig with a spec.")
    resolved, locked = read_pinned(values, settings, lock_file, asked or "", **options)
    with uncollected():
        result = core.plan_injection(text, Planner.from_values(resolved), workloads, pods)
    if locked:
        for title, overlay in result.overlaid:
            lock.require_match(locked, lock.from_plan(overlay), title)
    doubt = strict and [each for each in result.left if not each.expected]
    _tell(result, to_stderr=not dry_run)
    if result.refused:
        raise core.refusal(result, already_listed=dry_run or len(result.refused) > 1)
    if not result.overlaid:
        raise core.nothing_overlaid(result, already_listed=True)
    if doubt:
        raise OverlayError(
            f"--strict: left alone in doubt: {', '.join(each.title for each in doubt)}",
            "each hint above says how to patch it; --workload '!KIND/NAME' leaves it out",
        )
    if not dry_run:
        write_stdout(result.text if asked is None else resource_list.fold(result.text))


def _pods_to_ask(
    options: dict[str, Any],
) -> Callable[[str | None], Sequence[Object]] | None:
    """Return the function that lists pods to ask for releases; None without `--litellm auto`.

    Replaces "auto" in `options` by None, since it is no release.
    """
    if options.get("litellm") != AUTO:
        return None
    options["litellm"] = None
    return pods_of_cluster


def pods_of_cluster(namespace: str | None) -> list[Object]:
    """Return the pods of a namespace, None for the context's own, in the current context."""
    from litellm_overlay.cluster import client  # noqa: PLC0415 - takes most of a second

    connection = client.connect()
    return connection.list("pods", namespace or connection.namespace)


def _tell(result: Injected, *, to_stderr: bool) -> None:
    tell(result.overlaid, err=to_stderr)
    # A single refusal is not listed: it becomes the error.
    tell_left(result, err=to_stderr, refused=not to_stderr or len(result.refused) > 1)
