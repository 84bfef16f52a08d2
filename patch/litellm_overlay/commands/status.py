"""`litellm-overlay status`: one table for all proxies of a cluster."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from litellm_overlay.camel_case import to_camel_case_data
from litellm_overlay.commands.cluster_options import cluster_options, read_fleet_rows
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.commands.overlay_options import lock_option, read_lock
from litellm_overlay.commands.rbac import rbac_manifest, rbac_option, rules_for
from litellm_overlay.errors import VerificationError
from litellm_overlay.objects.kinds import WORKLOADS
from litellm_overlay.printed import sanitize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from litellm_overlay.cluster.client import Cluster
    from litellm_overlay.commands.cluster_options import ClusterTarget
    from litellm_overlay.fleet.rows import WorkloadStatus

STYLES = {
    "malicious": "bold white on red",
    "patched": "green",
    "upstream-fixed": "bold green",
    "passthrough": "bold yellow",
    "refused": "bold red",
    "drifted": "bold red",
    "pending": "yellow",
    "not-overlaid": "dim",
}
ALARMING = ("malicious", "refused", "drifted")
UNBOUNDED = 10_000  # columns
PAUSE = 1  # seconds; in a large cluster some pod changes all the time
REFRESH = 30  # seconds after which workloads are read again, even if no pod changes
RULES = (*rules_for(["list", "watch"], ["pods"]), *rules_for(["list"], WORKLOADS))


@click.command()
@cluster_options
@click.option("--watch", is_flag=True, help="Show it again whenever pods change, until Ctrl-C.")
@output_option("wide")
@lock_option
@rbac_option
def status(
    target: ClusterTarget,
    watch: bool,
    output: str,
    lock_file: Path | None,
    rbac: bool,
) -> None:
    """Show what the overlay does in each workload that runs LiteLLM's proxy.

    Deployments, StatefulSets, DaemonSets and their pods are read, never changed: no exec, no
    Secrets. What is shown is what the guard in each pod has reported, held against the template,
    the images that the pods run and this tool's catalogue.

    \b
    Decisions:
      patched          Codex works over WebSocket there
      upstream-fixed   LiteLLM lets Codex connect itself, and its file is left as it is (onFixed)
      passthrough      an unknown file was left as it is, since onUnknown says so: not patched
      refused          a pod does not start, and the reason says why
      drifted          pods, template, images, catalogue or lock disagree
      pending          overlaid, but no pod has reported yet
      not-overlaid     LiteLLM's proxy without the overlay
      malicious        image or report names malware: 1.82.7, 1.82.8 or 1.107.0

    \b
    Examples:
      litellm-overlay status
      litellm-overlay status --namespace llm --output wide
      litellm-overlay status -A --context production --output json | jq -r '.[].decision'
      litellm-overlay status --namespace llm --lock litellm-overlay.lock
      litellm-overlay status -A --rbac | kubectl apply --filename -

    \b
    Exit codes: 0 nothing to worry about, 2 usage, 4 cluster unreachable or refused,
    5 something is malicious, drifted or refused.
    """
    if rbac:
        click.echo(rbac_manifest("status", target, RULES), nl=False)
        return
    locked = read_lock(lock_file)
    connection, where = target.connect()
    shown: tuple[WorkloadStatus, ...] | None = None
    while True:
        rows = read_fleet_rows(target, connection, where, locked)
        if rows != shown:
            print_table(rows, output, describe_place(connection, where), clear=watch)
            shown = rows
        if not watch:
            break
        connection.wait_for_change("pods", where, REFRESH)
        time.sleep(PAUSE)
    if alarming := Counter(row.decision for row in rows if row.decision in ALARMING):
        what = ", ".join(f"{number} {decision}" for decision, number in alarming.items())
        raise VerificationError(
            what, "the reasons are above; litellm-overlay doctor --from-cluster says how to fix it"
        )


def describe_place(connection: Cluster, namespace: str | None) -> str:
    """Return the namespace, context and server that were read, as text."""
    where = f"namespace {namespace}" if namespace else "all namespaces"
    here = f"{where}, {connection.context or 'this cluster'} ({connection.server})"
    return sanitize(here)


def print_table(rows: Sequence[WorkloadStatus], output: str, where: str, *, clear: bool) -> None:
    """Print the rows; with `clear`, clear a terminal first."""
    if is_for_programs(output):
        print_data(output, to_camel_case_data(rows))
        return
    wide = output == "wide" or not sys.stdout.isatty()  # do not wrap lines
    console = Console(highlight=False, width=UNBOUNDED if wide else None)
    if clear and console.is_terminal:
        console.clear()
    if not rows:
        console.print(Text(f"No workload runs LiteLLM's proxy: {where}"), soft_wrap=True)
        return
    with console.capture() as drawn:
        console.print(table(rows, wide=output == "wide"))
    console.out(*(line.rstrip() for line in drawn.get().splitlines()), sep="\n", highlight=False)
    for row in rows:
        for reason in row.reasons:
            name = (sanitize(f"{row.namespace}/{row.name}"), STYLES[row.decision])
            console.print(Text.assemble(name, sanitize(f": {reason}")), soft_wrap=True)
    if removable := [f"{row.namespace}/{row.name}" for row in rows if row.removable]:
        console.print(
            Text(f"Needs no overlay for the handshake: {sanitize(', '.join(removable))}"),
            soft_wrap=True,
        )
        console.print("what the bridge would fix there: litellm-overlay releases VERSION")


def table(rows: Sequence[WorkloadStatus], *, wide: bool) -> Table:
    """Return the table, one line per workload."""
    made = Table(
        box=None if wide else box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for heading in ("namespace", "workload"):
        made.add_column(heading, overflow="fold")
    for heading in ("litellm", "patch", "decision", "pods", "advisories"):
        made.add_column(heading, no_wrap=True)
    for heading in ("image", "advisory ids") if wide else ():
        made.add_column(heading, overflow="fold")
    for row in rows:
        doubt = "?" if row.version_from == "tag" else ""
        more = [row.image, " ".join(row.advisories)] if wide else []
        cells = [row.namespace, row.workload]
        cells += [f"{row.litellm_version}{doubt}" if row.litellm_version else "unknown"]
        made.add_row(
            *map(cell, (*cells, row.patch_version or "")),
            Text(row.decision, STYLES[row.decision]),
            *map(cell, (f"{row.agreeing}/{row.pods}", str(len(row.advisories)), *more)),
        )
    if any(row.version_from == "tag" for row in rows):
        made.caption = "?: the tag says so, not the guard"
        made.caption_justify = "left"
    return made


def cell(text: str) -> Text:
    """Return the text of a cell; in a plain string, rich would read brackets as markup."""
    return Text(sanitize(text))
