"""`litellm-overlay pin`: write down what is to run; `render`, `inject` and `status` hold to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from litellm_overlay import catalogue, lock, plan
from litellm_overlay.commands.cluster_options import check, cluster_options, connect
from litellm_overlay.commands.overlay_options import FILE, read_text, read_values
from litellm_overlay.commands.render import write
from litellm_overlay.commands.status import look
from litellm_overlay.errors import OverlayError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.fleet import Row
    from litellm_overlay.lock import Lock


@click.command()
@click.option("--image", metavar="REFERENCE", help="The proxy's image, best with its digest.")
@click.option("--patch", metavar="VERSION", help="The patch version; default: the newest.")
@click.option("--litellm", metavar="VERSION", help="The release, where the image does not say.")
@click.option("-f", "--values", type=FILE, help="Values of the overlay, a YAML file.")
@click.option("--from-cluster", is_flag=True, help="Pin what a live cluster runs and reports.")
@click.option("--workload", metavar="NAME", help="Of the cluster's, where they differ.")
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
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def pin(
    image: str | None,
    patch: str | None,
    litellm: str | None,
    values: Path | None,
    from_cluster: bool,
    workload: str | None,
    all_namespaces: bool,
    namespace: str | None,
    context: str | None,
    kubeconfig: Path | None,
    timeout: float,
    file: Path,
    check_: bool,
    output: str,
) -> None:
    """Write a lock file: which image and which patch are to run, to the digest.

    It holds the image and its digest, the LiteLLM version, the sha256 of the stock endpoints.py,
    the patch version, the digest of its payload and the chart's version. By default they are what
    values and options ask for, as the catalogue has it. With --from-cluster they are what the pods
    of a workload have reported; these must all be patched.

    `render`, `inject` and `status` take it with --lock, or from LITELLM_OVERLAY_LOCK.

    \b
    Examples:
      litellm-overlay pin --image ghcr.io/berriai/litellm:v1.88.6 --patch 2.0.0
      litellm-overlay pin --from-cluster --namespace llm --workload litellm
      litellm-overlay pin --from-cluster --namespace llm --check
      litellm-overlay status --namespace llm --lock litellm-overlay.lock

    \b
    Exit codes: 0 done; 1 nothing to pin, or the file could not be written; 2 usage or values;
    3 release or patch version not in the catalogue; 4 cluster unreachable or refused; 5 it does not
    run well, needs no overlay, or --check found a difference.
    """
    if from_cluster:
        if image or patch or litellm or values:
            raise click.UsageError("Give either --from-cluster, or values and what is to run.")
        check(namespace, all_namespaces=all_namespaces)
        connection, where = connect(
            namespace, context, kubeconfig, timeout, all_namespaces=all_namespaces
        )
        fresh = lock.rows_to_pin(choose(look(connection, where), workload))
    else:
        given = read_values(values, (), image=image, patch=patch, litellm=litellm)
        known = catalogue.load()
        fresh = lock.to_pin(given, known, plan.payloads(given.name, known))
    old = lock.read(read_text(file), str(file)) if file.exists() else None
    changed = lock.changes(old, fresh)
    if changed and not check_:  # before a word is said: the reader of our output may be gone
        write(file.parent, {file.name: lock.text(fresh)})
    show(fresh, changed, output)
    if changed and check_:
        raise VerificationError(
            f"{file} is not what would be pinned", "without --check it is written"
        )
    click.echo(f"{file}: {'written' if changed else 'as it was'}", err=True)


def choose(rows: Sequence[Row], workload: str | None) -> list[Row]:
    """Return the workloads with the overlay, or that of a name: NAME or KIND/NAME."""
    name = (workload or "").lower()
    found = [
        row for row in rows if (name in {row.name, row.workload} if name else row.patch_version)
    ]
    if not found:
        what = f"is called {workload}" if workload else "carries the overlay"
        raise OverlayError(
            f"no workload here runs LiteLLM's proxy and {what}",
            "litellm-overlay status shows what runs LiteLLM",
        )
    return found


def show(fresh: Lock, changed: Sequence[tuple[str, str, str]], output: str) -> None:
    """Print the lock, and what of it is new."""
    if output == "json":
        click.echo(json.dumps(lock.plain(fresh), indent=2))
        return
    before = {key: old for key, old, _ in changed}
    for key, value in lock.plain(fresh).items():
        was = f"  (was {before[key]})" if before.get(key) else ""
        click.echo(f"{key:<15} {value or 'not known'}{was}")
