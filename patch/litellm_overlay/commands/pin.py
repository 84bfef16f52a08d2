"""`litellm-overlay pin`: write a lock file, which `render`, `inject` and `status` check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from litellm_overlay import lock
from litellm_overlay.camel_case import to_camel_case_data
from litellm_overlay.commands import pod_release
from litellm_overlay.commands.cluster_options import cluster_options, read_fleet_rows
from litellm_overlay.commands.files import read_text, write
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.commands.overlay_options import doubts, read_values, values_option, warn
from litellm_overlay.errors import OverlayError, VerificationError
from litellm_overlay.overlay.plan import Planner, from_values
from litellm_overlay.printed import sanitize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.commands.cluster_options import ClusterTarget
    from litellm_overlay.fleet.rows import WorkloadStatus
    from litellm_overlay.lock import Lock


@click.command()
@click.option("--image", metavar="REFERENCE", help="The proxy's image, best with its digest.")
@click.option("--patch", metavar="VERSION", help="The patch version; default: the newest.")
@click.option("--litellm", metavar="VERSION", help="The release, where the image does not say.")
@click.option(
    "--on-fixed",
    type=click.Choice(["passthrough", "patch"]),
    help="What the pod does where upstream has fixed the handshake.",
)
@values_option
@click.option("--from-cluster", is_flag=True, help="Pin what a live cluster runs and reports.")
@click.option("--workload", metavar="NAME", help="Of the cluster's, where they differ.")
@click.option(
    "--exec",
    "may_exec",
    is_flag=True,
    help="Ask a pod without the overlay for its release: run `litellm --version` and `cat` in it.",
)
@cluster_options
@click.option(
    "--lock",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=lock.NAME,
    show_default=True,
    envvar="LITELLM_OVERLAY_LOCK",
    help="The file to write.",
)
@click.option("--check", "check_", is_flag=True, help="Write nothing; exit code 5 if it would.")
@output_option()
def pin(
    image: str | None,
    patch: str | None,
    litellm: str | None,
    on_fixed: str | None,
    values: Path | None,
    from_cluster: bool,
    workload: str | None,
    may_exec: bool,
    target: ClusterTarget,
    file: Path,
    check_: bool,
    output: str,
) -> None:
    """Write a lock file: which image and which patch are to run, to the digest.

    It holds the image and its digest, the LiteLLM version, the sha256 of the stock endpoints.py,
    the patch version, the digest of its payload, onFixed and the chart's version. By default they
    are what values and options ask for, as the catalogue has it; of a release that is newer than
    it, the sha256 stays open. With --from-cluster they are what the pods of a workload have
    reported; these must all be patched. A workload without the overlay has reported nothing: with
    --exec a pod of it is asked, which takes the right pods/exec.

    `render`, `inject` and `status` take it with --lock, or from LITELLM_OVERLAY_LOCK.

    \b
    Examples:
      litellm-overlay pin --image ghcr.io/berriai/litellm:v1.88.6 --patch 2.0.0
      litellm-overlay pin --image ghcr.io/berriai/litellm:v1.109.1 --on-fixed patch
      litellm-overlay pin --from-cluster --namespace llm --workload litellm
      litellm-overlay pin --from-cluster --namespace llm --check
      litellm-overlay pin --from-cluster --namespace llm --workload litellm --exec
      litellm-overlay status --namespace llm --lock litellm-overlay.lock

    \b
    Exit codes: 0 done; 1 nothing to pin, or the file could not be written; 2 usage or values;
    3 release or patch version not in the catalogue; 4 cluster unreachable or refused; 5 it does not
    run well, needs no overlay, or --check found a difference.
    """
    if from_cluster:
        if image or patch or litellm or on_fixed or values:
            raise click.UsageError("Give either --from-cluster, or values and what is to run.")
        connection, where = target.connect()
        rows = choose_workloads(
            read_fleet_rows(target, connection, where), workload, without=may_exec
        )
        silent = [row for row in rows if row.decision == "not-overlaid"]
        fresh = pod_release.to_pin(connection, silent) if silent else lock.rows_to_pin(rows)
    elif may_exec:
        raise click.UsageError("--exec goes with --from-cluster.")
    elif not (image or values):
        raise click.UsageError(
            "Nothing says what to pin: give --image or --values, or --from-cluster for what runs."
        )
    else:
        resolved = read_values(
            values, (), image=image, patch=patch, litellm=litellm, on_fixed=on_fixed
        )
        planner = Planner.from_values(resolved)
        fresh = lock.to_pin(planner)
        warn(doubts(planner.identify(from_values(resolved).image)))
    old = lock.parse_lock(read_text(file), str(file)) if file.exists() else None
    changed = lock.list_changes(old, fresh)
    if changed and not check_:  # before printing, which may fail on a closed pipe
        write(file.parent, {file.name: lock.to_text(fresh)})
    print_lock(fresh, changed, output)
    if changed and check_:
        raise VerificationError(
            f"{file} is not what would be pinned", "without --check it is written"
        )
    click.echo(f"{file}: {'written' if changed else 'as it was'}", err=True)


def choose_workloads(
    rows: Sequence[WorkloadStatus], workload: str | None, *, without: bool = False
) -> list[WorkloadStatus]:
    """Return the overlaid workloads, or only those called `workload`: NAME or KIND/NAME.

    `without` includes workloads without the overlay. Raises OverlayError if no workload matches, or
    if none of the matches carries the overlay and `without` is false.
    """
    name = (workload or "").lower()
    named = [row for row in rows if not name or name in {row.name, row.workload}]
    chosen = [row for row in named if row.patch_version or (without or name)]
    if chosen and not without and all(row.decision == "not-overlaid" for row in chosen):
        raise VerificationError(
            f"{chosen[0].workload} does not carry the overlay, so nothing has reported its release",
            "--exec asks a pod of it: it runs `litellm --version` and `cat` there",
        )
    if not chosen:
        what = f"is called {workload}" if workload else "carries the overlay"
        raise OverlayError(
            f"no workload here runs LiteLLM's proxy and {what}",
            "litellm-overlay status shows what runs LiteLLM",
        )
    return chosen


def print_lock(fresh: Lock, changed: Sequence[tuple[str, str, str]], output: str) -> None:
    """Print the lock, with the old value of each changed field."""
    if is_for_programs(output):
        print_data(output, to_camel_case_data(fresh))
        return
    before = {key: old for key, old, _ in changed}
    for key, value in to_camel_case_data(fresh).items():
        was = f"  (was {before[key]})" if before.get(key) else ""
        click.echo(sanitize(f"{key:<15} {value or 'not known'}{was}"))
