"""The options of the verbs that read a cluster, and the connection they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_overlay.cluster import Cluster

_OPTIONS = (
    click.option("-A", "--all-namespaces", is_flag=True, help="Look at every namespace."),
    click.option("-n", "--namespace", metavar="NAME", help="Instead of the context's own."),
    click.option(
        "--context", metavar="NAME", help="Of the kubeconfig; by default its current one."
    ),
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        help="Instead of KUBECONFIG and ~/.kube/config.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=30,
        show_default=True,
        help="Seconds for each request to the API server.",
    ),
)


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check(namespace: str | None, *, all_namespaces: bool) -> None:
    """Refuse two answers to one question."""
    if all_namespaces and namespace:
        raise click.UsageError("Give either --namespace or --all-namespaces.")


def connect(
    namespace: str | None,
    context: str | None,
    kubeconfig: Path | None,
    timeout: float,
    *,
    all_namespaces: bool,
) -> tuple[Cluster, str | None]:
    """Return the connection, and the namespace to look at; None means all."""
    from litellm_overlay import cluster  # noqa: PLC0415 - its client takes most of a second

    connection = cluster.connect(context, kubeconfig, timeout)
    return connection, None if all_namespaces else namespace or connection.namespace
