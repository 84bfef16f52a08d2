"""The formats of `render`: OverlayPlan in, file names and texts out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.render import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.plan import OverlayPlan, Payload
    from litellm_overlay.upstream import ChartValues
    from litellm_overlay.values import OverlayValues

# Formats that are values for one of LiteLLM's charts, and the chart's name.
CHARTS = {"litellm-helm-values": "litellm-helm", "litellm-chart-values": "litellm"}
FORMATS = ("manifests", "payload", "patch", "kustomize", *CHARTS)


def payload(values: OverlayValues, payloads: Sequence[Payload]) -> dict[str, str]:
    """Return the ConfigMaps, for which no proxy needs to be known."""
    text = render("payload.yaml.j2", payloads=payloads, namespace=values.namespace)
    return {"payload.yaml": text}


def make(
    format_: str,
    values: OverlayValues,
    overlay: OverlayPlan,
    payloads: Sequence[Payload],
    chart: ChartValues | None,
) -> dict[str, str]:
    """Return the files of a format; all but kustomize have one."""
    if format_ in CHARTS:
        text = render("upstream-values.yaml.j2", plan=overlay, payloads=payloads, chart=chart)
        return {"values.yaml": text}
    patch = {"patch.yaml": render("patch.yaml.j2", plan=overlay, workload=values.workload)}
    if format_ == "patch":
        return patch
    config_maps = payload(values, payloads)
    if format_ == "kustomize":
        component = render("kustomization.yaml.j2", plan=overlay, workload=values.workload)
        return {"kustomization.yaml": component} | config_maps | patch
    proxy = render("proxy.yaml.j2", plan=overlay, values=values)
    return {"manifests.yaml": f"{config_maps['payload.yaml']}---\n{proxy}"}
