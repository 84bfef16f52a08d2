"""The formats of `render`: OverlayPlan in, file names and texts out. Pure."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_overlay import names
from litellm_overlay.errors import ValuesError
from litellm_overlay.overlay.json_text import to_json
from litellm_overlay.overlay.templates import render

if TYPE_CHECKING:
    from litellm_overlay.overlay.chart_values import ChartValues
    from litellm_overlay.overlay.plan import OverlayPlan, Planner
    from litellm_overlay.overlay.values import OverlayValues

# Format -> the chart of LiteLLM that its values are for.
CHARTS = {"litellm-helm-values": "litellm-helm", "litellm-chart-values": "litellm"}
FORMATS = ("manifests", "payload", "patch", "kustomize", "flux", *CHARTS)


def adapt(format_: str, values: OverlayValues) -> OverlayValues:
    """Return the values for a format; "manifests" gets default paths of drainFile and offFile.

    Only a whole proxy has volumes for these two files.
    """
    if format_ != "manifests":
        return values
    settings = dict(values.settings)
    for name, ours in (("drainFile", names.DRAIN_FILE), ("offFile", names.OFF_FILE)):
        settings[name] = settings.get(name) or ours
    return replace(values, settings=settings)


def payload(planner: Planner) -> dict[str, str]:
    """Return the payload's ConfigMaps as "payload.yaml". No proxy needs to be known."""
    values = planner.values
    text = render("payload.yaml.j2", payloads=planner.rendered, namespace=values.namespace)
    return {"payload.yaml": text}


def make(
    format_: str,
    planner: Planner,
    overlay: OverlayPlan,
    chart: ChartValues | None,
    subchart: str | None = None,
) -> dict[str, str]:
    """Return the files of a format, name to text. Only kustomize has more than one.

    Chart values are put below the key `subchart`, if it is given. Raises ValuesError for chart
    values with a drain.
    """
    values = planner.values
    if format_ in CHARTS and overlay.drain_seconds:
        raise ValuesError(
            "drainSeconds goes into manifests, not into the values of LiteLLM's charts",
            "leave it out, or take another way: litellm-overlay inject --drain",
        )
    if format_ in CHARTS:
        lists = {"payloads": planner.rendered, "chart": chart}
        text = render("upstream-values.yaml.j2", plan=overlay, **lists)
        return {"values.yaml": _below(subchart, text) if subchart else text}
    patch = {"patch.yaml": render("patch.yaml.j2", plan=overlay, workload=values.workload)}
    if format_ == "patch":
        return patch
    if format_ == "flux":
        text = render("post-renderers.yaml.j2", workload=values.workload, patch=patch["patch.yaml"])
        return {"post-renderers.yaml": text}
    config_maps = payload(planner)
    if format_ == "kustomize":
        component = render("kustomization.yaml.j2", plan=overlay, workload=values.workload)
        return {"kustomization.yaml": component} | config_maps | patch
    proxy = render("proxy.yaml.j2", plan=overlay, values=values)
    return {"manifests.yaml": f"{config_maps['payload.yaml']}---\n{proxy}"}


def _below(key: str, text: str) -> str:
    """Return values as YAML below a key. The comments at their beginning stay in front of it."""
    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    body = textwrap.indent("".join(lines[first:]), "  ")
    return f"{''.join(lines[:first])}{to_json(key)}:\n{body}"
