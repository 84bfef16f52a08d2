"""Manifests in, the same manifests with the overlay in them (or out of them again) out. Pure.

A document that holds no proxy is passed on byte for byte. In one that does, whole lines are added
and all others stay. An older overlay is taken out before a new one is put in: so twice is once,
an update is an install, and removal gives the original back.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from litellm_overlay import plan, render, splice
from litellm_overlay.errors import OverlayError
from litellm_overlay.workloads import documents, join, objects, proxies, templates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_overlay.plan import OverlayPlan, Payload, Proxy
    from litellm_overlay.workloads import Found, Path

_NAMES = {plan.PAYLOAD_VOLUME, plan.OUTPUT_VOLUME, plan.INIT_CONTAINER}
_ANNOTATIONS = {plan.VERSION_ANNOTATION, plan.DIGEST_ANNOTATION}
_TOUCHED = {"metadata", "annotations", "initContainers", "volumeMounts", "volumes"}


@dataclass(frozen=True, slots=True)
class Result:
    """The manifests, and title ("Deployment/litellm") and plan of what now carries the overlay."""

    text: str
    overlaid: tuple[tuple[str, OverlayPlan], ...]


def inject(
    manifests: str,
    make_plan: Callable[[Proxy], OverlayPlan],
    payloads: Sequence[Payload],
    container: str | None = None,
) -> Result:
    """Put the overlay into every pod template with a proxy, and the ConfigMaps before the first.

    The proxy is the container named `container`, else the one that runs an image of LiteLLM.
    """
    result: list[str] = []
    overlaid: list[tuple[str, OverlayPlan]] = []
    served: set[str | None] = set()
    for document in documents(remove(manifests)):
        found = [(item, make_plan(item.proxy)) for item in proxies(document, container)]
        for item, _ in found:
            if item.namespace not in served:
                text = render.render("payload.yaml.j2", payloads=payloads, namespace=item.namespace)
                result += documents(f"---\n{text}")
                served.add(item.namespace)
        result.append(_overlay(document, found) if found else document)
        overlaid += [(item.title, overlay) for item, overlay in found]
    if not overlaid:
        what = f"is named {container}" if container else "runs an image of LiteLLM"
        raise OverlayError(
            f"no container in these manifests {what}",
            "name the proxy's container: --container NAME; Jobs and hooks are left alone",
        )
    return Result(join(manifests, result), tuple(overlaid))


def remove(manifests: str) -> str:
    """Return the manifests without any overlay."""
    return join(
        manifests,
        [_without_overlay(item) for item in documents(manifests) if not _is_payload(item)],
    )


def _overlay(document: str, found: Sequence[tuple[Found, OverlayPlan]]) -> str:
    for item, overlay in found:
        _refuse_hidden(item, overlay.module_path)

    def clear(edited: splice.Splice) -> None:
        for item, _ in found:
            template = _at(edited.root, item.where)
            pod = _mapping(splice.get(template, "spec"))
            edited.remove_empty(pod, "initContainers")
            edited.remove_empty(pod, "volumes")
            edited.remove_empty(_container(pod, item.proxy.container), "volumeMounts")
            metadata = splice.get(template, "metadata")
            if _only_annotations(metadata, splice.is_empty):
                edited.remove_key(template, "metadata")
            else:
                edited.remove_empty(template, "metadata")
                edited.remove_empty(metadata, "annotations")

    def add(edited: splice.Splice) -> None:
        for item, overlay in found:
            parts = render.fragment(overlay)
            template = _at(edited.root, item.where)
            pod = _mapping(splice.get(template, "spec"))
            metadata = splice.get(template, "metadata")
            if metadata is None:
                text = "annotations:\n" + textwrap.indent(parts.annotations, "  ")
                edited.add_keys(template, "metadata", text)
            else:
                edited.add_keys(_mapping(metadata), "annotations", parts.annotations)
            edited.add_items(pod, "initContainers", parts.init_container, first=True)
            container = _container(pod, item.proxy.container)
            edited.add_items(container, "volumeMounts", parts.mount)
            edited.add_items(pod, "volumes", parts.volumes)

    # Removal leaves no empty lists, so there must be none before: then twice is once.
    return _edited(_edited(document, clear), add)


def _refuse_hidden(item: Found, module_path: str) -> None:
    for mount in item.mounts:
        path = str(mount.get("mountPath", "")).rstrip("/")
        if module_path == path or module_path.startswith(f"{path}/"):
            raise OverlayError(
                f"{item.title}: the volume {mount.get('name')} is mounted at {path or '/'}, "
                f"over or above {module_path}",
                "take that mount out, or set the right --module-path",
            )


def _without_overlay(document: str) -> str:
    if plan.OUTPUT_VOLUME not in document:
        return document
    found = [where for where, _, _ in templates(document)]

    def edit(edited: splice.Splice) -> None:
        for where in found:
            template = _at(edited.root, where)
            pod = _mapping(splice.get(template, "spec"))
            _remove_annotations(edited, template)
            edited.remove_items(pod, "initContainers", _is_ours)
            containers = splice.get(pod, "containers")
            for container in containers.value if isinstance(containers, splice.Sequence) else []:
                edited.remove_items(_mapping(container), "volumeMounts", _is_ours)
            edited.remove_items(pod, "volumes", _is_ours)

    return _edited(document, edit)


def _remove_annotations(edited: splice.Splice, template: splice.Mapping) -> None:
    metadata = splice.get(template, "metadata")
    if _only_annotations(metadata, _all_ours):
        edited.remove_key(template, "metadata")
    elif isinstance(metadata, splice.Mapping):
        edited.remove_keys(metadata, "annotations", _ANNOTATIONS.__contains__)


def _only_annotations(metadata: yaml.Node | None, test: Callable[[yaml.Node], bool]) -> bool:
    """Say whether metadata holds nothing else than annotations that pass a test."""
    if not isinstance(metadata, splice.Mapping):
        return False
    return [name.value for name, value in metadata.value if test(value)] == ["annotations"] and (
        len(metadata.value) == 1
    )


def _all_ours(annotations: yaml.Node) -> bool:
    return isinstance(annotations, splice.Mapping) and all(
        name.value in _ANNOTATIONS for name, _ in annotations.value
    )


def _edited(document: str, edit: Callable[[splice.Splice], None]) -> str:
    """Return the document edited, with proof that beside the overlay its data is what it was."""
    # Written anew: JSON, flow style and aliases; the data stays, comments do not.
    text = _spliced(document, edit) or _spliced(splice.in_lines(document), edit)
    if text is None:
        raise OverlayError(
            "a document is written in a way that cannot be edited safely",
            "write it in block style, without anchors, and try again",
        )
    return text


def _spliced(document: str, edit: Callable[[splice.Splice], None]) -> str | None:
    try:
        edited = splice.Splice(document)
        edit(edited)
        text = edited.text()
        same = _bare(yaml.safe_load(text)) == _bare(yaml.safe_load(document))
    except (splice.NotInLinesError, yaml.YAMLError):
        return None
    return text if same else None


def _bare(data: object) -> object:
    """Return data without the overlay, and without what it may have filled."""
    if isinstance(data, dict):
        pairs = ((key, _bare(value)) for key, value in data.items() if key not in _ANNOTATIONS)
        return {key: value for key, value in pairs if value or key not in _TOUCHED}
    if isinstance(data, list):
        return [_bare(item) for item in data if not _named_ours(item)]
    return data


def _named_ours(item: object) -> bool:
    return isinstance(item, dict) and item.get("name") in _NAMES


def _is_payload(document: str) -> bool:
    """Say whether a document is one of our ConfigMaps, of this version or an older."""
    if plan.DIGEST_ANNOTATION not in document or "kind: ConfigMap" not in document:
        return False
    return any(where == () and plan.is_payload(item) for where, item in objects(document))


def _is_ours(item: yaml.Node) -> bool:
    name = splice.get(item, "name")
    return isinstance(name, yaml.ScalarNode) and name.value in _NAMES


def _at(root: yaml.Node | None, where: Path) -> splice.Mapping:
    node = root
    for step in where:
        if isinstance(step, int):
            node = node.value[step] if isinstance(node, splice.Sequence) else None
        else:
            node = splice.get(node, step)
    return _mapping(node)


def _container(pod: splice.Mapping, name: str) -> splice.Mapping:
    containers = splice.get(pod, "containers")
    for item in containers.value if isinstance(containers, splice.Sequence) else []:
        own = splice.get(item, "name")
        if isinstance(own, yaml.ScalarNode) and own.value == name:
            return _mapping(item)
    raise splice.NotInLinesError


def _mapping(node: yaml.Node | None) -> splice.Mapping:
    if not isinstance(node, splice.Mapping):
        raise splice.NotInLinesError  # it comes from a merge key
    return node
