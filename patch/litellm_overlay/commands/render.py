"""`litellm-overlay render`: print the overlay for whatever deploys LiteLLM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from litellm_overlay import lock
from litellm_overlay.commands.chart_files import read_chart as read_chart_files
from litellm_overlay.commands.files import FILE, read_text, write
from litellm_overlay.commands.overlay_options import (
    lock_option,
    overlay_options,
    read_pinned,
    tell,
    warn,
)
from litellm_overlay.errors import ValuesError
from litellm_overlay.overlay import chart_shape, formats
from litellm_overlay.overlay.chart_values import SECTIONS, merge
from litellm_overlay.overlay.chart_values import read as read_chart
from litellm_overlay.overlay.plan import Planner, from_values
from litellm_overlay.overlay.values import read_mapping

if TYPE_CHECKING:
    from litellm_overlay.overlay.chart_shape import Shape
    from litellm_overlay.overlay.chart_values import ChartValues


@click.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(formats.FORMATS),
    default="manifests",
    show_default=True,
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
    "--chart",
    "chart_path",
    type=click.Path(exists=True, path_type=Path),
    metavar="FOLDER|TGZ",
    help="LiteLLM's chart itself: what its templates read is held against what is needed.",
)
@click.option(
    "--subchart",
    metavar="NAME",
    help="The name or alias of LiteLLM's chart in a chart of yours, an umbrella.",
)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Write files into a folder."
)
@lock_option
@overlay_options
def render(
    format_: str,
    chart_values: tuple[Path, ...],
    chart_path: Path | None,
    subchart: str | None,
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
      flux                  `postRenderers` for a HelmRelease of Flux; apply `payload` first
      litellm-helm-values   values for LiteLLM's chart litellm-helm, to be given to Helm last
      litellm-chart-values  the same for its chart litellm, the one with a gateway

    The last two repeat the lists of your own values (--chart-values), since Helm replaces lists.
    A chart ignores keys that it does not know: with --chart, one that cannot take the overlay by
    values is refused. Of the chart litellm those with gateway.extraInitContainers can.

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
    resolved, locked = read_pinned(values, settings, lock_file, **options)
    planner = Planner.from_values(formats.adapt(format_, resolved))
    chart = None
    if format_ in formats.CHARTS:
        mine = merge([read_mapping(read_text(path), str(path)) for path in chart_values])
        if subchart:
            mine = read_mapping_at(mine, subchart)
        shape = shape_of(formats.CHARTS[format_], chart_path, subchart) if chart_path else None
        chart, proxy = read_chart(formats.CHARTS[format_], mine, resolved, shape)
        tell_chart(chart, shape)
    elif chart_values or chart_path or subchart:
        name = "--chart-values" if chart_values else "--chart" if chart_path else "--subchart"
        raise click.UsageError(f"{name} goes with {' and '.join(formats.CHARTS)}.")
    if format_ == "payload":
        if locked:
            lock.require_match(locked, lock.Lock(payload_digest=planner.payload.digest))
        files = formats.payload(planner)
    else:
        overlay = planner.plan(proxy if chart else from_values(resolved))
        if locked:
            lock.require_match(locked, lock.from_plan(overlay))
        files = formats.make(format_, planner, overlay, chart, subchart)
        tell([(overlay.proxy.container, overlay)])
    if folder:
        write(folder, files)
    elif len(files) > 1:
        raise click.UsageError(f"--format {format_} makes several files; name a --folder for them.")
    else:
        click.echo(next(iter(files.values())), nl=False)


def shape_of(name: str, path: Path, subchart: str | None) -> Shape:
    """Return which values the templates of a chart, or of its subchart, read.

    `name` is "litellm-helm" or "litellm". It decides which section of the values is the proxy's.
    """
    files = read_chart_files(path)
    if subchart:
        files = chart_shape.subchart(subchart, files)
    return chart_shape.read(SECTIONS[name], files)


def tell_chart(chart: ChartValues, shape: Shape | None) -> None:
    """Warn on stderr if the values lack the payload, or if the chart itself was not checked."""
    if chart.resources is None:
        warn(
            [
                (
                    "the chart makes no extraResources, so the payload is not among these values\n"
                    "hint: litellm-overlay render --format payload | kubectl apply --filename -"
                )
            ]
        )
    if shape is None and chart.section and not chart.image_at_top:
        doubt = (
            f"no chart with {chart.section}.image is known that reads {chart.section}."
            "extraInitContainers; without it the proxy mounts a file that nobody makes, and does "
            "not start\nhint: --chart FOLDER looks into the chart; inject always works"
        )
        warn([doubt])


def read_mapping_at(values: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a subchart's values, {} if there are none; ValuesError if they are no mapping."""
    section = values.get(key) or {}
    if not isinstance(section, dict):
        raise ValuesError(f"{key} in the chart's values must be a mapping, not {section!r}")
    return section
