"""What the checks look at, read from plain objects: manifests, or what the API answers. Pure.

An object is a dict as YAML or JSON gives it, and may lack anything; `at` and `items` forgive that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from litellm_overlay import plan
from litellm_overlay.pods import guard_plan
from litellm_overlay.workloads import KINDS, runs_litellm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Object = dict[str, Any]
SEVERITIES = ("error", "warning", "note")
_TEMPLATES = KINDS | {"Job", "CronJob", "Pod"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is, or will be, wrong.

    `object` is "Kind/namespace/name", without the namespace where the manifest has none; `severity`
    is one of SEVERITIES; `topic` a word for programs; `fix` is for pasting and may have lines.
    """

    object: str
    severity: str
    topic: str
    what: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Workload:
    """Something with a pod template, or a pod on its own, and the proxies among its containers."""

    item: Object
    template: Object

    @property
    def title(self) -> str:
        """Return "Kind/namespace/name"."""
        return title(self.item)

    @property
    def pod(self) -> Object:
        """Return the pod's spec."""
        return mapping(self.template, "spec")

    @property
    def annotations(self) -> Object:
        """Return the pod's annotations."""
        return mapping(self.template, "metadata", "annotations")

    @property
    def labels(self) -> Object:
        """Return the pod's labels."""
        return mapping(self.template, "metadata", "labels")

    @property
    def containers(self) -> list[Object]:
        """Return the pod's containers, but for init containers."""
        return items(self.pod, "containers")

    @property
    def init(self) -> Object | None:
        """Return the init container of our name, if there is one."""
        return named(items(self.pod, "initContainers"), plan.INIT_CONTAINER)

    @property
    def proxies(self) -> list[Object]:
        """Return the containers that carry our mount, else those that run LiteLLM's image."""
        overlaid = [each for each in self.containers if our_mount(each)]
        return overlaid or [each for each in self.containers if runs_litellm(each)]

    @property
    def overlaid(self) -> bool:
        """Say whether a proxy carries our mount."""
        return any(our_mount(each) for each in self.proxies)

    @property
    def plan(self) -> Object:
        """Return the guard's plan, {} where there is none."""
        return guard_plan(self.init) if self.init else {}

    @property
    def websocket(self) -> bool:
        """Say whether the overlay serves WebSockets here."""
        return self.overlaid and at(self.plan, "settings", "mode") != "http-fallback"


@dataclass(frozen=True)
class World:
    """All objects, and the workloads that run a LiteLLM proxy. No slots: it keeps indexes.

    In a fleet, each workload would else be held against each pod.
    """

    objects: tuple[Object, ...]
    workloads: tuple[Workload, ...]

    @cached_property
    def _kinds(self) -> dict[str, list[Object]]:
        found = defaultdict(list)
        for item in self.objects:
            found[word(item, "kind")].append(item)
        return found

    @cached_property
    def _labelled(self) -> dict[tuple[str, str | None, str], list[Object]]:
        """Pods by each of their labels, Services by each that they ask for."""
        found = defaultdict(list)
        for pod in self.of("Pod"):
            for label in labels(pod).items():
                found["Pod", namespace(pod), str(label)].append(pod)
        for service in self.of("Service"):
            for label in mapping(service, "spec", "selector").items():
                found["Service", namespace(service), str(label)].append(service)
        return found

    def of(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return self._kinds.get(kind, [])

    def pods_of(self, workload: Workload) -> list[Object]:
        """Return the pods that a workload keeps; a pod on its own is its own."""
        if workload.item.get("kind") == "Pod":
            return [workload.item]
        chosen = mapping(workload.item, "spec", "selector", "matchLabels") or workload.labels
        home = namespace(workload.item)
        some = [self._labelled.get(("Pod", home, str(it)), []) for it in chosen.items()]
        return [pod for pod in min(some, key=len, default=[]) if selects(chosen, labels(pod))]

    def services_of(self, workload: Workload) -> list[Object]:
        """Return the Services that select a workload's pods."""
        home = namespace(workload.item)
        found = {
            id(service): service
            for label in workload.labels.items()
            for service in self._labelled.get(("Service", home, str(label)), [])
            if selects(mapping(service, "spec", "selector"), workload.labels)
        }
        return list(found.values())


def read(objects: Iterable[Object]) -> World:
    """Return the objects with what runs a proxy among them; Jobs and hooks do not count.

    A pod whose owner is among the objects is looked at for what it reports, not a second time.
    Pods that have ended, evicted ones perhaps, are of the past.
    """
    past = {"Failed", "Succeeded"}
    kept = tuple(item for item in objects if word(item, "status", "phase") not in past)
    found = [
        item
        for item in templates(kept)
        if word(item.item, "kind") in (KINDS | {"Pod"})
        and item.proxies
        and "helm.sh/hook" not in annotations_of(item.item)
    ]
    free = [item for item in found if not at(item.item, "metadata", "ownerReferences")]
    world = World(kept, tuple(free))
    kept_by = {id(pod) for item in free for pod in world.pods_of(item)}
    alone = [
        item for item in found if item.item.get("kind") == "Pod" and id(item.item) not in kept_by
    ]
    return World(kept, (*free, *alone))


def templates(objects: Iterable[Object]) -> Iterator[Workload]:
    """Yield everything that has a pod template, Jobs too."""
    for item in objects:
        kind = word(item, "kind")
        if kind not in _TEMPLATES:
            continue
        inside = ("spec", "jobTemplate", "spec", "template") if kind == "CronJob" else None
        template = item if kind == "Pod" else mapping(item, *(inside or ("spec", "template")))
        yield Workload(item, template)


def at(item: object, *keys: str) -> Any:
    """Return what is found by following keys, None where one is missing."""
    for key in keys:
        if not isinstance(item, dict):
            return None
        item = item.get(key)
    return item


def mapping(item: object, *keys: str) -> Object:
    """Return the mapping found by following keys, {} where there is none."""
    found = at(item, *keys)
    return found if isinstance(found, dict) else {}


def word(item: object, *keys: str) -> str:
    """Return the text found by following keys, "" where there is none."""
    found = at(item, *keys)
    return found if isinstance(found, str) else ""


def words(item: object, *keys: str) -> list[str]:
    """Return the texts in the list found by following keys."""
    found = at(item, *keys)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def items(item: object, *keys: str) -> list[Object]:
    """Return the mappings in the list found by following keys."""
    found = at(item, *keys)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def named(given: Iterable[Object], name: str) -> Object | None:
    """Return the first object with a name."""
    return next((each for each in given if each.get("name") == name), None)


def namespace(item: Object) -> str | None:
    """Return an object's namespace."""
    return word(item, "metadata", "namespace") or None


def name(item: Object) -> str:
    """Return an object's name."""
    return word(item, "metadata", "name")


def labels(item: Object) -> Object:
    """Return an object's labels."""
    return mapping(item, "metadata", "labels")


def annotations_of(item: Object) -> Object:
    """Return an object's annotations."""
    return mapping(item, "metadata", "annotations")


def title(item: Object) -> str:
    """Return "Kind/namespace/name", or "Kind/name"."""
    return "/".join(filter(None, (word(item, "kind"), namespace(item), name(item))))


def selects(selector: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Say whether a selector of labels chooses these; an empty one chooses nothing."""
    return bool(selector) and selector.items() <= given.items()


def our_mount(container: Object) -> Object | None:
    """Return the mount of our one file."""
    mounts = items(container, "volumeMounts")
    ours = (each for each in mounts if each.get("name") == plan.OUTPUT_VOLUME)
    return next((each for each in ours if each.get("subPath")), None)


def last(given: Sequence[str]) -> str:
    """Return names as words: "a, b and c"."""
    *before, end = given
    return f"{', '.join(before)} and {end}" if before else end
