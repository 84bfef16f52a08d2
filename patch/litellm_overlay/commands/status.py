"""`litellm-overlay status`: one table for all proxies of a cluster."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import yaml
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from litellm_overlay import catalogue, fleet, lock
from litellm_overlay.commands.cluster_options import check, cluster_options, connect
from litellm_overlay.commands.overlay_options import lock_option, read_lock
from litellm_overlay.commands.rbac import may, rbac_option, rights
from litellm_overlay.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from litellm_overlay.cluster import Cluster
    from litellm_overlay.fleet import Row
    from litellm_overlay.lock import Lock

STYLES = {
    "patched": "green",
    "upstream-fixed": "bold green",
    "passthrough": "bold yellow",
    "refused": "bold red",
    "drifted": "bold red",
    "pending": "yellow",
    "not-overlaid": "dim",
}
ALARMING = ("refused", "drifted")
UNBOUNDED = 10_000  # columns
PAUSE = 1  # seconds; in a large cluster some pod changes all the time
REFRESH = 30  # seconds without a change in pods after which workloads are looked at again
RULES = (*may(["list", "watch"], ["pods"]), *may(["list"], fleet.KINDS))


@click.command()
@cluster_options
@click.option("--watch", is_flag=True, help="Show it again whenever pods change, until Ctrl-C.")
@click.option(
    "--output",
    type=click.Choice(["table", "wide", "json", "yaml"]),
    default="table",
    show_default=True,
)
@lock_option
@rbac_option
def status(
    all_namespaces: bool,
    namespace: str | None,
    context: str | None,
    kubeconfig: Path | None,
    timeout: float,
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
      upstream-fixed   LiteLLM has the fix itself: the overlay may be removed
      passthrough      an unknown file was left as it is, since onUnknown says so: not patched
      refused          a pod does not start, and the reason says why
      drifted          pods, template, images, catalogue or lock disagree
      pending          overlaid, but no pod has reported yet
      not-overlaid     LiteLLM's proxy without the overlay

    \b
    Examples:
      litellm-overlay status
      litellm-overlay status --namespace llm --output wide
      litellm-overlay status -A --context production --output json | jq -r '.[].decision'
      litellm-overlay status --namespace llm --lock litellm-overlay.lock
      litellm-overlay status -A --rbac | kubectl apply --filename -

    \b
    Exit codes: 0 nothing to worry about, 2 usage, 4 cluster unreachable or refused,
    5 something is drifted or refused.
    """
    check(namespace, all_namespaces=all_namespaces)
    if rbac:
        printed = rights("status", RULES, namespace=namespace, all_namespaces=all_namespaces)
        click.echo(printed, nl=False)
        return
    locked = read_lock(lock_file)
    connection, where = connect(
        namespace, context, kubeconfig, timeout, all_namespaces=all_namespaces
    )
    shown: tuple[Row, ...] | None = None
    while True:
        rows = look(connection, where, locked)
        if rows != shown:
            show(rows, output, place(connection, where), clear=watch)
            shown = rows
        if not watch:
            break
        connection.wait_for_change("pods", where, REFRESH)
        time.sleep(PAUSE)
    if alarming := Counter(row.decision for row in rows if row.decision in ALARMING):
        what = ", ".join(f"{number} {decision}" for decision, number in alarming.items())
        raise VerificationError(what, "the reasons are above; litellm-overlay status --help")


def look(connection: Cluster, namespace: str | None, locked: Lock | None = None) -> tuple[Row, ...]:
    """Read the cluster, and hold it against the lock."""
    workloads = {plural: connection.list(plural, namespace) for plural in fleet.KINDS}
    rows = fleet.rows(workloads, connection.list("pods", namespace), catalogue.load())
    return tuple(lock.hold(row, locked) for row in rows) if locked else rows


def place(connection: Cluster, namespace: str | None) -> str:
    """Say where was looked."""
    where = f"namespace {namespace}" if namespace else "all namespaces"
    return f"{where}, {connection.context or 'this cluster'} ({connection.server})"


def show(rows: Sequence[Row], output: str, where: str, *, clear: bool) -> None:
    """Print the rows; on a terminal over the last ones, if `clear`."""
    if output == "json":
        click.echo(json.dumps([plain(row) for row in rows], indent=2))
        return
    if output == "yaml":
        listed = [plain(row) for row in rows]
        click.echo(yaml.safe_dump(listed, explicit_start=True, sort_keys=False), nl=False)
        return
    wide = output == "wide" or not sys.stdout.isatty()  # lines as long as they need
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
            name = (f"{row.namespace}/{row.name}", STYLES[row.decision])
            console.print(Text.assemble(name, f": {reason}"), soft_wrap=True)
    if removable := [f"{row.namespace}/{row.name}" for row in rows if row.removable]:
        console.print(Text(f"The overlay may be removed: {', '.join(removable)}"), soft_wrap=True)


def table(rows: Sequence[Row], *, wide: bool) -> Table:
    """Return the table, a line a workload."""
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
            *map(Text, (*cells, row.patch_version or "")),  # a name in brackets would be markup
            Text(row.decision, STYLES[row.decision]),
            *map(Text, (f"{row.agreeing}/{row.pods}", str(len(row.advisories)), *more)),
        )
    if any(row.version_from == "tag" for row in rows):
        made.caption = "?: the tag says so, not the guard"
        made.caption_justify = "left"
    return made


def plain(row: Row) -> dict[str, Any]:
    """Return a row as JSON has it: names as in the guard's report, lists instead of tuples."""
    return {
        _camel(name): list(value) if isinstance(value, tuple) else value
        for name, value in asdict(row).items()
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
