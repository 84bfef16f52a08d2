"""Options of the verbs that read a cluster, and the connection that they choose."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from litellm_overlay import lock
from litellm_overlay.catalogue import releases
from litellm_overlay.fleet.rows import select_pods, workload_statuses
from litellm_overlay.objects.kinds import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_overlay.cluster.client import Cluster
    from litellm_overlay.fleet.rows import WorkloadStatus
    from litellm_overlay.lock import Lock


def _name(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return the user's name, which becomes a header; BadParameter unless printable ASCII."""
    if value is not None and not (value.isascii() and value.isprintable() and value.strip()):
        raise click.BadParameter("it is a name, in ASCII", param=parameter)
    return value


_OPTIONS = (
    click.option("-A", "--all-namespaces", is_flag=True, help="Look at every namespace."),
    click.option("-n", "--namespace", metavar="NAME", help="Instead of the context's own."),
    click.option(
        "-l",
        "--selector",
        default="",
        metavar="LABELS",
        help="Only workloads and pods with these labels, as kubectl has it.",
    ),
    click.option(
        "--context", metavar="NAME", help="Of the kubeconfig; by default its current one."
    ),
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        help="Instead of KUBECONFIG and ~/.kube/config.",
    ),
    click.option(
        "--as",
        "user",
        metavar="USER",
        callback=_name,
        help="Ask as this user; it takes the right to impersonate.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=30,
        show_default=True,
        help="Seconds for each request to the API server.",
    ),
)


@dataclass(frozen=True, slots=True)
class ClusterTarget:
    """What the shared options choose: cluster, namespace, label selector and the user to act as.

    `namespace` None means the context's own. `timeout` is in seconds, for each request.
    """

    all_namespaces: bool
    namespace: str | None
    selector: str
    context: str | None
    kubeconfig: Path | None
    user: str | None
    timeout: float

    def connect(self) -> tuple[Cluster, str | None]:
        """Return a connection, and the namespace to read, None for all."""
        from litellm_overlay.cluster import client, identity  # noqa: PLC0415 - takes most of a second

        connection = client.connect(self.context, self.kubeconfig, self.timeout)
        if self.user:
            identity.act_as(connection, self.user)
        where = None if self.all_namespaces else self.namespace or connection.namespace
        return connection, where


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the shared options to a command, which receives them as `target`, a ClusterTarget."""

    @functools.wraps(command)
    def collected(**options: Any) -> None:
        names = [field.name for field in fields(ClusterTarget)]
        target = ClusterTarget(**{name: options.pop(name) for name in names})
        if target.all_namespaces and target.namespace:
            raise click.UsageError("Give either --namespace or --all-namespaces.")
        command(target=target, **options)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


def read_fleet_rows(
    target: ClusterTarget,
    connection: Cluster,
    namespace: str | None,
    locked: Lock | None = None,
) -> tuple[WorkloadStatus, ...]:
    """Return the row of each workload in the cluster, with any drift from the lock marked."""
    labels = target.selector
    workloads = {plural: connection.list(plural, namespace, labels) for plural in WORKLOADS}
    running = connection.list("pods", namespace)
    if labels:
        running = select_pods(running, workloads, connection.list("pods", namespace, labels))
    rows = workload_statuses(workloads, running, releases.load())
    return tuple(lock.mark_drift(row, locked) for row in rows) if locked else rows
