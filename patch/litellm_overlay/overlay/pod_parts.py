"""The parts that one pod template gets: the overlay, and the drain if there is one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from litellm_overlay.names import DRAIN_FILE
from litellm_overlay.objects import yaml_tree
from litellm_overlay.objects.access import items
from litellm_overlay.overlay import drain, templates
from litellm_overlay.overlay.json_text import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_overlay.objects.access import Object
    from litellm_overlay.overlay.templates import Fragment


@dataclass(frozen=True, slots=True)
class Parts:
    """The overlay of one pod template as lines of YAML; `annotation_keys` is the annotations' data.

    `hooks` has, for each chosen container in turn, the lines below `lifecycle`, "" for none.
    `grace` is the grace period to add, in seconds; 0 adds none.
    """

    init_container: str
    volumes: str
    mount: str
    annotations: str
    annotation_keys: Mapping[str, str]
    hooks: tuple[str, ...]
    grace: int = 0

    @classmethod
    def for_template(cls, template: Any, fragment: Fragment, containers: Sequence[str]) -> Parts:
        """Return the parts for a pod template's data.

        Raises OverlayError if its hooks or its grace period leave no room for the drain.
        """
        keys: dict[str, str] = meaning(fragment.annotations)
        plain = fragment.init_container, fragment.volumes, fragment.mount, fragment.annotations
        listed = [it for it in items(template, "spec", "containers") if is_chosen(it, containers)]
        if not fragment.drain_seconds:
            return cls(*plain, keys, ("",) * len(listed))
        planned = drain.plan_drain(template, fragment.drain_seconds, fragment.drain_file)
        for container in listed:
            drain.refuse_hooks(container)
        volume, mount = ("", "")
        if planned.flag == DRAIN_FILE:
            volume, mount = (f"\n{lines}" for lines in templates.drain_volume())
        lines = "".join(f"\n{key}: {to_json(value)}" for key, value in planned.annotations.items())
        return cls(
            fragment.init_container,
            f"{fragment.volumes}{volume}",
            f"{fragment.mount}{mount}",
            fragment.annotations + lines,
            {**keys, **planned.annotations},
            tuple(templates.drain_hooks(planned, drain.proxy_port(each)) for each in listed),
            planned.grace if planned.adds_grace else 0,
        )

    def heads(self) -> Parts:
        """Return these parts with only the first line of each list item: "- name: …"."""
        return replace(
            self,
            init_container=_heads(self.init_container),
            volumes=_heads(self.volumes),
            mount=_heads(self.mount),
        )

    def into(self, template: Object, containers: Sequence[str]) -> Object:
        """Return a copy of a pod template's data with these parts in it."""
        metadata = template.get("metadata") or {}
        annotations = {**(metadata.get("annotations") or {}), **self.annotation_keys}
        pod = template["spec"]
        hooks = iter(self.hooks)
        grace = {drain.GRACE: self.grace} if self.grace else {}
        return {
            **template,
            "metadata": {**metadata, "annotations": annotations},
            "spec": {
                **pod,
                **grace,
                "initContainers": [
                    *meaning(self.init_container),
                    *(pod.get("initContainers") or []),
                ],
                "volumes": [*(pod.get("volumes") or []), *meaning(self.volumes)],
                "containers": [
                    self._into_container(each, next(hooks)) if is_chosen(each, containers) else each
                    for each in pod["containers"]
                ],
            },
        }

    def _into_container(self, container: Object, hooks: str) -> Object:
        mounts = [*(container.get("volumeMounts") or []), *meaning(self.mount)]
        made = {**container, "volumeMounts": mounts}
        if hooks:
            made["lifecycle"] = {**(container.get("lifecycle") or {}), **meaning(hooks)}
        return made


def _heads(lines: str) -> str:
    return "\n".join(line for line in lines.split("\n") if line.startswith("- "))


def is_chosen(container: object, names: Sequence[str]) -> bool:
    """Say whether a container has one of these names. A value of any type is accepted."""
    return isinstance(container, dict) and any(container.get("name") == each for each in names)


@lru_cache(maxsize=64)
def meaning(text: str) -> Any:
    """Return the data of a part of the overlay. It is cached and shared: do not change it."""
    return yaml_tree.load(text)
