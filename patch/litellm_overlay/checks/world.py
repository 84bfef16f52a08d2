"""The objects that the checks read, from manifests or from the API, with indexes. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from litellm_overlay.objects import recognition
from litellm_overlay.objects.access import (
    Object,
    at,
    labels,
    mapping,
    namespace,
    qualified_name,
    selects,
    string_at,
)
from litellm_overlay.objects.pods import is_over
from litellm_overlay.objects.workloads import PodTemplate, is_short_lived, is_workload, template_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Workload:
    """An object with a pod template, or a Pod."""

    item: Object
    template: PodTemplate

    @property
    def qualified_name(self) -> str:
        """Return "Kind/namespace/name"."""
        return qualified_name(self.item)

    @property
    def websocket(self) -> bool:
        """Say whether the overlay is mounted here, and serves WebSockets."""
        return (
            bool(self.template.mounting_containers)
            and self.template.overlay_mode != "http-fallback"
        )


@dataclass(frozen=True)
class World:
    """All objects, and the workloads among them that run a LiteLLM proxy.

    It has no slots, since it caches indexes. Without them, each workload of a fleet would be
    compared with each pod.
    """

    objects: tuple[Object, ...]
    workloads: tuple[Workload, ...]

    @cached_property
    def _kinds(self) -> dict[str, list[Object]]:
        by_kind = defaultdict(list)
        for item in self.objects:
            by_kind[string_at(item, "kind")].append(item)
        return by_kind

    @cached_property
    def _labelled(self) -> dict[tuple[str, str | None, str], list[Object]]:
        """Return pods by each of their labels, and Services by each label that they select."""
        by_label = defaultdict(list)
        for pod in self.of_kind("Pod"):
            for label in labels(pod).items():
                by_label["Pod", namespace(pod), str(label)].append(pod)
        for service in self.of_kind("Service"):
            for label in mapping(service, "spec", "selector").items():
                by_label["Service", namespace(service), str(label)].append(service)
        return by_label

    def of_kind(self, kind: str) -> list[Object]:
        """Return the objects of a kind, such as "Pod"."""
        return self._kinds.get(kind, [])

    def pods_of(self, workload: Workload) -> list[Object]:
        """Return the pods that a workload selects; of a Pod, the Pod itself."""
        if workload.item.get("kind") == "Pod":
            return [workload.item]
        chosen = (
            mapping(workload.item, "spec", "selector", "matchLabels") or workload.template.labels
        )
        home = namespace(workload.item)
        some = [self._labelled.get(("Pod", home, str(it)), []) for it in chosen.items()]
        return [pod for pod in min(some, key=len, default=[]) if selects(chosen, labels(pod))]

    def services_of(self, workload: Workload) -> list[Object]:
        """Return the Services that select a workload's pods."""
        home = namespace(workload.item)
        services = {
            id(service): service
            for label in workload.template.labels.items()
            for service in self._labelled.get(("Service", home, str(label)), [])
            if selects(mapping(service, "spec", "selector"), workload.template.labels)
        }
        return list(services.values())


@dataclass(frozen=True, slots=True)
class Named:
    """What the operator names as LiteLLM's proxy.

    `containers` are container names; they count only in workloads that look like LiteLLM.
    `image_name` is a pattern, with * and ?, for the last part of an image's name.
    """

    containers: tuple[str, ...] = ()
    image_name: str = ""

    def template(self, template: PodTemplate, configs: Collection[str]) -> PodTemplate:
        """Return a pod template in which the named containers count as running LiteLLM.

        `configs` are names of ConfigMaps with a configuration of LiteLLM.
        """
        likely = bool(recognition.find_evidence(template, configs))
        proxies = [
            string_at(each, "name")
            for each in template.containers
            if (likely and string_at(each, "name") in self.containers)
            or (
                self.image_name
                and fnmatchcase(recognition.last_part(str(each.get("image"))), self.image_name)
            )
        ]
        return PodTemplate(template.item, frozenset(proxies)) if proxies else template


def build_world(objects: Iterable[Object], named: Named | None = None) -> World:
    """Return the objects, and the workloads among them that run a proxy.

    Jobs, hooks and LiteLLM's background workers without the overlay do not count: they answer no
    request. A pod counts as a workload only if its owner is not among the objects. Pods that have
    ended, or are being deleted, are dropped.
    """
    kept = tuple(
        item for item in objects if not (string_at(item, "kind") == "Pod" and is_over(item))
    )
    configs = recognition.configs(kept) if named else ()
    workloads = [
        item
        for item in find_templates(kept, named, configs)
        if is_workload(item.item) and (item.template.overlaid or _serves(item.template))
    ]
    free = [item for item in workloads if not at(item.item, "metadata", "ownerReferences")]
    world = World(kept, tuple(free))
    kept_by = {id(pod) for item in free for pod in world.pods_of(item)}
    alone = [
        item
        for item in workloads
        if string_at(item.item, "kind") == "Pod"
        and id(item.item) not in kept_by
        and not is_short_lived(item.item)
    ]
    return World(kept, (*free, *alone))


def find_templates(
    objects: Iterable[Object], named: Named | None = None, configs: Collection[str] = ()
) -> Iterator[Workload]:
    """Yield a Workload for each object that has a pod template, Jobs included."""
    for item in objects:
        if match := template_in(item):
            template = match[1]
            yield Workload(item, named.template(template, configs) if named else template)


def _serves(template: PodTemplate) -> bool:
    """Say whether a container runs the proxy, and not its background jobs alone."""
    return any(not recognition.is_worker(each) for each in template.litellm_containers)
