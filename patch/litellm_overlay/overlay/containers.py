"""Choose the containers of a pod template that are the proxy. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from litellm_overlay.errors import OverlayError
from litellm_overlay.objects import recognition
from litellm_overlay.objects.access import items, mapping
from litellm_overlay.objects.workloads import Proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.objects.access import Object
    from litellm_overlay.objects.workloads import PodTemplate
    from litellm_overlay.overlay.values import OverlayValues


def named_containers(template: PodTemplate, values: OverlayValues) -> list[Object]:
    """Return the containers that the values name, in that order."""
    names = (values.container or "").split(",")
    return [
        each for name in names for each in template.containers if name and each.get("name") == name
    ]


def by_image(template: PodTemplate, pattern: str) -> list[Object]:
    """Return the containers for which the last part of the image's name matches a pattern."""
    return [
        each
        for each in template.containers
        if fnmatchcase(recognition.last_part(str(each.get("image") or "")), pattern)
    ]


def choose(
    template: PodTemplate, values: OverlayValues, by_name: list[Object], *, workload_named: bool
) -> list[Object]:
    """Return the containers that get the mount, [] if none is the proxy for certain.

    Candidates are `by_name`, then containers with the operator's image name, then with LiteLLM's
    image. If the operator names the workload (`workload_named`), its only container is the last
    candidate. Raises OverlayError if the overlay does not fit the candidates.
    """
    candidates = by_name or (by_image(template, values.image_name) if values.image_name else [])
    by_operator = bool(candidates)
    if not candidates:
        candidates = [
            each for each in template.litellm_containers if not recognition.is_worker(each)
        ]
    if not candidates and workload_named and len(template.containers) == 1:
        candidates = template.containers
    for each in candidates:
        _require_whole(each)
    if len(candidates) > 1:
        _require_alike(candidates, by_operator=by_operator)
    return candidates


def proxy(container: Object, pod_security_context: Object) -> Proxy:
    """Return a container of a manifest as the Proxy that the planner takes."""
    return Proxy(
        container=container["name"],
        image=container["image"],
        pull_policy=container.get("imagePullPolicy"),
        env=tuple(items(container, "env")),
        security_context=mapping(container, "securityContext"),
        pod_security_context=pod_security_context,
    )


def _require_whole(container: Object) -> None:
    name, image = container.get("name"), container.get("image")
    if not (isinstance(name, str) and name and isinstance(image, str) and image):
        raise OverlayError(
            "a container has no name or no image", "inject reads whole manifests, not patches"
        )
    if recognition.is_other_product(image):
        raise OverlayError(
            f"the image of its container {name}, {image}, is another product's",
            "choose another container: --container NAME",
        )


def _require_alike(containers: Sequence[Object], *, by_operator: bool) -> None:
    """Require that several containers have one image, and that the operator chose them."""
    names = ", ".join(str(each["name"]) for each in containers)
    if not by_operator:
        raise OverlayError(
            f"runs LiteLLM's image in several containers: {names}",
            "say which one is the proxy: --container NAME; or NAME,NAME for all of them",
        )
    if len({str(each["image"]) for each in containers}) > 1:
        raise OverlayError(
            f"its containers {names} run different images, and one file cannot serve both",
            "choose one of them: --container NAME",
        )
