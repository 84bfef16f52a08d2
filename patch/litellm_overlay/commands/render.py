"""`litellm-overlay render`: print the overlay for whatever deploys LiteLLM."""

from __future__ import annotations

from pathlib import Path

import click

from litellm_overlay import catalogue, lock, outputs, plan, upstream
from litellm_overlay.commands.overlay_options import (
    FILE,
    lock_option,
    overlay_options,
    read_lock,
    read_text,
    read_values,
    tell,
)
from litellm_overlay.errors import OverlayError
from litellm_overlay.values import read_mapping


@click.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(outputs.FORMATS),
    default="manifests",
    show_default=True,
    envvar="LITELLM_OVERLAY_RENDER_FORMAT",
)
@click.option("--image", metavar="REFERENCE", help="The proxy's image.")
@click.option("--workload", metavar="NAME", help="The proxy's Deployment; default: litellm.")
@click.option("--namespace", metavar="NAME", help="Write this namespace into the manifests.")
@click.option(
    "--chart-values",
    type=FILE,
    multiple=True,
    help="Your values for LiteLLM's chart; may be given several times, as to Helm.",
)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Write files into a folder."
)
@lock_option
@overlay_options
def render(
    format_: str,
    chart_values: tuple[Path, ...],
    folder: Path | None,
    lock_file: Path | None,
    values: Path | None,
    settings: tuple[str, ...],
    **options: str | None,
) -> None:
    """Print the overlay for whatever deploys LiteLLM. Nothing is sent to a cluster.

    \b
    Formats:
      manifests             a whole proxy with the overlay, for kubectl
      payload               the ConfigMaps alone
      patch                 a strategic merge patch for your Deployment; apply `payload` first
      kustomize             a component, three files; needs --folder
      litellm-helm-values   values for LiteLLM's chart litellm-helm, to be given to Helm last
      litellm-chart-values  the same for its chart litellm, the one with a gateway

    The last two repeat the lists of your own values (--chart-values), since Helm replaces lists.

    \b
    Examples:
      litellm-overlay render --image ghcr.io/berriai/litellm:v1.88.6 | kubectl apply --filename -
      litellm-overlay render --format kustomize --folder overlay --workload litellm \\
        --image ghcr.io/berriai/litellm:v1.88.6
      litellm-overlay render --format litellm-helm-values --chart-values mine.yaml > overlay.yaml
      litellm-overlay render --format payload --namespace llm
      litellm-overlay render --lock litellm-overlay.lock > manifests.yaml

    With --lock, image, release and patch version are the lock's where nothing else says them.

    \b
    Exit codes: 0 done; 1 the overlay does not fit, or a file could not be written; 2 usage or
    values; 3 release or patch version not in the catalogue; 5 it is not what the lock says.
    """
    given = read_values(values, settings, **options)
    locked = read_lock(lock_file)
    if locked:
        given = lock.fill(given, locked)
    known = catalogue.load()
    payloads = plan.payloads(given.name, known)
    chart = None
    if format_ in outputs.CHARTS:
        mine = [read_mapping(read_text(path), str(path)) for path in chart_values]
        chart, proxy = upstream.read(outputs.CHARTS[format_], upstream.merge(mine), given)
    elif chart_values:
        raise click.UsageError(f"--chart-values goes with {' and '.join(outputs.CHARTS)}.")
    if format_ == "payload":
        if locked:
            chosen = plan.choose(given, known, payloads)
            lock.refuse(locked, lock.Lock(payload_digest=chosen.digest))
        files = outputs.payload(given, payloads)
    else:
        proxy = proxy if chart else plan.from_values(given)
        overlay = plan.make(given, proxy, known, payloads)
        if locked:
            lock.refuse(locked, lock.of_image(proxy.image, overlay.payload, given, known))
        files = outputs.make(format_, given, overlay, payloads, chart)
        tell([(proxy.container, overlay)], given)
    if folder:
        write(folder, files)
    elif len(files) > 1:
        raise click.UsageError(f"--format {format_} makes several files; name a --folder for them.")
    else:
        click.echo(next(iter(files.values())), nl=False)


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files so that each is whole or not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            fresh = folder / f".{name}.new"
            fresh.write_bytes(text.encode())
            fresh.replace(folder / name)
    except OSError as error:
        raise OverlayError(f"could not write into {folder}: {error.strerror}") from error
