"""Read workloads and pod templates: the proxy in a pod, and its overlay. Pure.

`inject`, `status`, `verify` and `doctor` share these readers, so they see the same proxies.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from litellm_overlay.catalogue import image_tags
from litellm_overlay.names import INIT_CONTAINER, OUTPUT_VOLUME, PAYLOAD_VOLUME
from litellm_overlay.objects.access import (
    annotations_of,
    find_by_name,
    items,
    labels,
    mapping,
    string_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_overlay.objects.access import Object
    from litellm_overlay.objects.manifests import KeyPath

# Kinds that keep pods running. A Job that runs the same image (migrations) is none of them.
KINDS = {
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Rollout",
    "DeploymentConfig",
}
CHORES = {"Job", "CronJob"}
# Annotations that mark a hook of Helm or Argo CD.
HOOKS = ("helm.sh/hook", "argocd.argoproj.io/hook")
_GUARD = "endpoint_patch"  # the program that our init container runs


@dataclass(frozen=True, slots=True)
class Proxy:
    """The container that the overlay patches. Mappings have the shape of the Kubernetes API."""

    container: str
    image: str
    pull_policy: str | None
    env: tuple[Mapping[str, Any], ...]
    security_context: Mapping[str, Any]
    pod_security_context: Mapping[str, Any]


@dataclass(frozen=True)
class PodTemplate:
    """A pod template, or a pod, which has the same shape. Any part of `item` may be missing.

    It has no slots, since cached properties need a `__dict__`.
    """

    item: Object
    also: frozenset[str] = frozenset()  # names of further containers that run LiteLLM

    @property
    def spec(self) -> Object:
        """Return the pod's spec."""
        return mapping(self.item, "spec")

    @property
    def annotations(self) -> Object:
        """Return the pod's annotations."""
        return annotations_of(self.item)

    @property
    def labels(self) -> Object:
        """Return the pod's labels."""
        return labels(self.item)

    @property
    def containers(self) -> list[Object]:
        """Return the containers, without init containers."""
        return items(self.spec, "containers")

    @property
    def init_containers(self) -> list[Object]:
        """Return the init containers."""
        return items(self.spec, "initContainers")

    @property
    def namesake(self) -> Object | None:
        """Return the init container with our name, None for none. It may not be ours."""
        return find_by_name(self.init_containers, INIT_CONTAINER)

    @cached_property
    def guard(self) -> Object | None:
        """Return the init container that has our name and runs the guard, None for none."""
        return self.namesake if self.namesake and _runs_guard(self.namesake) else None

    @cached_property
    def mounting_containers(self) -> list[Object]:
        """Return the containers that mount the file that the guard writes."""
        return [each for each in self.containers if overlay_mount(each)]

    @property
    def overlaid(self) -> bool:
        """Say whether the pod has the overlay or a part of it: the guard or a mount."""
        return self.guard is not None or bool(self.mounting_containers)

    @cached_property
    def litellm_containers(self) -> list[Object]:
        """Return the containers whose image is named like LiteLLM's proxy, and those in `also`."""
        return [
            it for it in self.containers if runs_litellm(it) or str(it.get("name")) in self.also
        ]

    @property
    def proxies(self) -> list[Object]:
        """Return the containers with our mount; if there are none, those that run LiteLLM."""
        return self.mounting_containers or self.litellm_containers

    @property
    def first_proxy(self) -> Object:
        """Return the first proxy, {} for none.

        In a pod with our guard but without a proxy, it is the first container.
        """
        return next(iter(self.proxies or (self.containers if self.guard else [])), {})

    @cached_property
    def guard_plan(self) -> Object:
        """Return the guard's plan, {} if it is missing or no JSON object."""
        plan = find_by_name(items(self.guard, "env"), "LITELLM_OVERLAY_PLAN")
        try:
            decoded = json.loads(string_at(plan, "value"))
        except (ValueError, RecursionError):
            return {}
        return decoded if isinstance(decoded, dict) else {}

    @property
    def payload(self) -> tuple[str, dict[str, str]]:
        """Return the name of the payload's ConfigMap, "" for none, and its paths by key."""
        source = mapping(find_by_name(items(self.spec, "volumes"), PAYLOAD_VOLUME), "configMap")
        paths = {string_at(item, "key"): string_at(item, "path") for item in items(source, "items")}
        return string_at(source, "name"), paths

    @property
    def overlay_mode(self) -> str:
        """Return the overlay's mode, "websocket" or "http-fallback"; "websocket" if none is set."""
        return string_at(self.guard_plan, "settings", "mode") or "websocket"


def template_in(item: Object) -> tuple[KeyPath, PodTemplate] | None:
    """Return the key path to an object's pod template, and the template; None if it has none.

    A Pod is its own template, at the path ().
    """
    kind = string_at(item, "kind")
    if kind == "Pod":
        return (), PodTemplate(item)
    if kind not in KINDS | CHORES:
        return None
    job = ("spec", "jobTemplate") if kind == "CronJob" else ()
    path = (*job, "spec", "template")
    return path, PodTemplate(mapping(item, *path))


def is_workload(item: Object) -> bool:
    """Say whether an object is a Pod or keeps pods running. Jobs and hooks do not count."""
    return string_at(item, "kind") in KINDS | {"Pod"} and not is_hook(item)


def is_hook(item: Object) -> bool:
    """Say whether an object is a hook of Helm or Argo CD."""
    return any(hook in annotations_of(item) for hook in HOOKS)


def controller_title(item: Object) -> str | None:
    """Return "Kind/name" of the controller that owns an object, None if it has none.

    The controller would make the object again, without changes made to it.
    """
    owners = items(item, "metadata", "ownerReferences")
    owner = next((each for each in owners if each.get("controller") is True), None)
    return f"{string_at(owner, 'kind')}/{string_at(owner, 'name')}" if owner else None


def is_short_lived(pod: Object) -> bool:
    """Say whether a pod ends by itself: a hook, or a pod of a Job."""
    owners = items(pod, "metadata", "ownerReferences")
    return is_hook(pod) or any(string_at(each, "kind") in CHORES for each in owners)


def runs_litellm(container: Object) -> bool:
    """Say whether a container's image is named like LiteLLM's proxy."""
    try:
        return image_tags.is_proxy(image_tags.parse_image(str(container.get("image"))))
    except ValueError:
        return False


def overlay_mount(container: Object) -> Object | None:
    """Return a container's mount of our one file, None for none.

    A mount of our whole volume hides a folder, and does not count.
    """
    mounts = items(container, "volumeMounts")
    ours = (each for each in mounts if each.get("name") == OUTPUT_VOLUME)
    return next((each for each in ours if each.get("subPath")), None)


def _runs_guard(container: Object) -> bool:
    """Say whether a container runs the guard, by itself or through a shell."""
    parts = [container.get(part) for part in ("command", "args")]
    arguments = [str(part) for listed in parts if isinstance(listed, list) for part in listed]
    return any(_GUARD in re.split(r"[\s/'\"]", part) for part in arguments)
