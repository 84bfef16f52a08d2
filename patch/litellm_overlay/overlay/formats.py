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

# Formats that are values for one of LiteLLM's charts, and the chart's name.
CHARTS = {"litellm-helm-values": "litellm-helm", "litellm-chart-values": "litellm"}
FORMATS = ("manifests", "payload", "patch", "kustomize", "flux", *CHARTS)


def adapt(format_: str, values: OverlayValues) -> OverlayValues:
    """Return the values for a format: a whole proxy has places for drain and switch."""
    if format_ != "manifests":
        return values
    settings = dict(values.settings)
    for name, ours in (("drainFile", names.DRAIN_FILE), ("offFile", names.OFF_FILE)):
        settings[name] = settings.get(name) or ours
    return replace(values, settings=settings)


def payload(planner: Planner) -> dict[str, str]:
    """Return the ConfigMaps, for which no proxy needs to be known."""
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
    """Return the files of a format; all but kustomize have one.

    Values of a chart stand below the name of a `subchart`, if it is one.
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
    """Return values below a key, behind the comments that they begin with."""
    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    body = textwrap.indent("".join(lines[first:]), "  ")
    return f"{''.join(lines[:first])}{to_json(key)}:\n{body}"
