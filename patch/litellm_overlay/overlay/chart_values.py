"""Read values of LiteLLM's two charts: the proxy, and the lists that the overlay extends. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_overlay.catalogue import image_tags
from litellm_overlay.errors import ValuesError
from litellm_overlay.names import (
    INIT_CONTAINER,
    OUTPUT_VOLUME,
    PAYLOAD_VOLUME,
    STOCK_CONTAINER,
)
from litellm_overlay.objects.access import is_payload, string_at
from litellm_overlay.objects.workloads import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from litellm_overlay.overlay.chart_shape import Shape
    from litellm_overlay.overlay.values import OverlayValues

# Chart -> key of the proxy's values, "" for the top level.
SECTIONS = {"litellm-helm": "", "litellm": "gateway"}
_OURS = {INIT_CONTAINER, STOCK_CONTAINER, PAYLOAD_VOLUME, OUTPUT_VOLUME}


@dataclass(frozen=True, slots=True)
class ChartValues:
    """The operator's values that the rendered values file must repeat beside the overlay.

    `section` is the key of the proxy's values, "" for the top level. `image_at_top` says that the
    image is not in that section. `resources` is None if the chart reads no extraResources.
    `job_init_containers` is None unless the migrations Job shares the proxy's mounts.
    """

    section: str
    image_at_top: bool
    repository: str
    tag: str
    init_containers: tuple[Any, ...]
    volumes: tuple[Any, ...]
    mounts: tuple[Any, ...]
    resources: tuple[Any, ...] | None
    job_init_containers: tuple[Any, ...] | None


def read(
    chart: str, chart_values: Mapping[str, Any], values: OverlayValues, shape: Shape | None = None
) -> tuple[ChartValues, Proxy]:
    """Return the operator's values for a chart, and the proxy that they describe.

    `chart` is "litellm-helm" or "litellm". Fields that are set in `values` override `chart_values`.
    Without a `shape`, `chart_values` tell where the image is. Parts of an overlay in `chart_values`
    are left out. Raises ValuesError for an image without repository or tag.
    """
    section = SECTIONS[chart]
    own = _mapping(chart_values, section) if section else chart_values
    at_top = (
        shape.image_at_top if shape else bool(chart_values.get("image")) or not own.get("image")
    )
    image = _mapping(chart_values if at_top else own, "image")
    repository, tag = _split(values.image or _joined(image, "" if at_top else section))
    job = _mapping(chart_values, "migrationJob")
    shared = not section and job.get("enabled") is not False
    proxy = Proxy(
        container=values.container or section or str(chart_values.get("nameOverride") or "litellm"),
        image=f"{repository}:{tag}",
        pull_policy=values.image_pull_policy or image.get("pullPolicy"),
        env=values.env or _env(own),
        security_context=values.security_context or _mapping(own, "securityContext"),
        pod_security_context=values.pod_security_context or _mapping(own, "podSecurityContext"),
    )
    result = ChartValues(
        section=section,
        image_at_top=at_top,
        repository=repository,
        tag=tag,
        init_containers=_others(own, "extraInitContainers"),
        volumes=_others(own, "volumes"),
        mounts=_others(own, "volumeMounts"),
        resources=None
        if shape and not shape.has_resources
        else tuple(item for item in _list(chart_values, "extraResources") if not is_payload(item)),
        job_init_containers=_others(job, "extraInitContainers") if shared else None,
    )
    return result, proxy


def merge(files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge values files as Helm does: mappings key by key, all else by replacement."""
    merged: dict[str, Any] = {}
    for chart_values in files:
        for key, value in chart_values.items():
            before = merged.get(key)
            both = isinstance(value, dict) and isinstance(before, dict)
            merged[key] = merge([before, value]) if both else value  # type: ignore[list-item]
    return merged


def _joined(image: Mapping[str, Any], section: str) -> str:
    where = f"{section}.image" if section else "image"
    missing = [key for key in ("repository", "tag") if not image.get(key)]
    if missing:
        raise ValuesError(
            f"{' and '.join(f'{where}.{key}' for key in missing)} not set in the chart's values",
            "the chart's own default moves with the chart, so the overlay cannot know it; set it "
            "in the file for --chart-values, or give --image",
        )
    return f"{image['repository']}:{image['tag']}"


def _split(reference: str) -> tuple[str, str]:
    """Return repository and tag. A digest stays with the tag: the charts join both with ":"."""
    try:
        image = image_tags.parse_image(reference)
    except ValueError as error:
        raise ValuesError(str(error)) from error
    if image.tag is None:
        raise ValuesError(
            f"the image {reference} has no tag, and LiteLLM's charts always write one",
            "write it as repository:tag or repository:tag@sha256:…",
        )
    return image.name, f"{image.tag}@{image.digest}" if image.digest else image.tag


def _env(own: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    pairs = _mapping(own, "envVars").items()
    return (
        *({"name": name, "value": str(value)} for name, value in pairs),
        *_list(own, "extraEnvVars"),
        *_list(own, "extraEnv"),
    )


def _others(chart_values: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    return tuple(item for item in _list(chart_values, key) if string_at(item, "name") not in _OURS)


def _mapping(chart_values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = chart_values.get(key) or {}
    if not isinstance(value, dict):
        raise ValuesError(f"{key} in the chart's values must be a mapping, not {value!r}")
    return value


def _list(chart_values: Mapping[str, Any], key: str) -> list[Any]:
    value = chart_values.get(key) or []
    if not isinstance(value, list):
        raise ValuesError(f"{key} in the chart's values must be a list, not {value!r}")
    return value
