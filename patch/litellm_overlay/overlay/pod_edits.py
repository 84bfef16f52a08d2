"""Add the overlay to a document's pod templates, or remove it, by edits of its text. Pure.

Each edit is proven: the result is parsed again and compared with the expected data. Text that many
workloads share is parsed in full only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from litellm_overlay.errors import OverlayError
from litellm_overlay.names import (
    ADDED_DRAIN_VOLUME,
    DIGEST_ANNOTATION,
    DRAIN_ANNOTATION,
    INIT_CONTAINER,
    OUTPUT_VOLUME,
    PAYLOAD_VOLUME,
    VERSION_ANNOTATION,
)
from litellm_overlay.objects.access import at, string_at
from litellm_overlay.objects.manifests import Document
from litellm_overlay.overlay import drain
from litellm_overlay.overlay.pod_parts import Parts, meaning
from litellm_overlay.overlay.splice import EditError, Splice, child_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_overlay.objects.manifests import KeyPath
    from litellm_overlay.objects.yaml_node import Node
    from litellm_overlay.overlay.templates import Fragment

# The names of our containers and volumes.
NAMES = {PAYLOAD_VOLUME, OUTPUT_VOLUME, INIT_CONTAINER, ADDED_DRAIN_VOLUME}
_ANNOTATIONS = {VERSION_ANNOTATION, DIGEST_ANNOTATION, DRAIN_ANNOTATION}
_LISTS = ("initContainers", "volumes")
_HINT = (
    "write that place out, without anchors, aliases and merge keys, or patch the live object: "
    "litellm-overlay render --format patch"
)
# Insertions that were parsed again in full. If the same lines, at the same columns, go into another
# document, only the first line of each list item is parsed there: the lines indented below it
# belong to that item in every document. This halves the time for a fleet.
_proven: set[tuple[str, ...]] = set()
_TOUCHED = {"metadata", "annotations", "lifecycle", "volumeMounts", *_LISTS}


@dataclass(frozen=True, slots=True)
class Place:
    """A pod template in a document: its path, its title, and the containers that get the mount."""

    path: KeyPath
    title: str
    containers: tuple[str, ...] = ()


def add(
    document: Document, places: Sequence[tuple[Place, Fragment]], *, above: int = 0
) -> Document:
    """Return a document with the overlay in these pod templates, which must not have it yet.

    `above` is the number of lines above the document in its stream, for errors that name a line.
    Raises OverlayError if the text cannot be edited in place.
    """
    ready = [(place, _parts(document, place, fragment)) for place, fragment in places]
    title = places[0][0].title
    made, put_in = _edited(document, title, partial(_add_all, ready), above)
    parsed = made
    if put_in in _proven:
        ready = [(place, parts.heads()) for place, parts in ready]
        parsed, _ = _edited(document, title, partial(_add_all, ready), above)
    wanted = _with_parts(document.data, ready)
    _prove(document, parsed, title, lambda found: bool(found == wanted), above)
    _proven.add(put_in)
    return made


def _add_all(ready: Sequence[tuple[Place, Parts]], edited: Splice) -> None:
    for place, parts in ready:
        _add(edited, place, parts)


def _with_parts(data: Any, ready: Sequence[tuple[Place, Parts]]) -> Any:
    """Return a copy of a document's data with the parts in its pod templates."""
    for place, parts in ready:
        data = _changed(data, place.path, partial(parts.into, containers=place.containers))
    return data


def _parts(document: Document, place: Place, fragment: Fragment) -> Parts:
    try:
        return Parts.for_template(_within(document.data, place.path), fragment, place.containers)
    except OverlayError as error:
        raise OverlayError(f"{place.title}: {error.message}", error.hint) from error


def _add(edited: Splice, place: Place, parts: Parts) -> None:
    template = _at(edited, place.path)
    pod = _mapping(template, "spec")
    metadata = child_at(template, "metadata")
    keys = dict(parts.annotation_keys)
    if metadata and not metadata.is_null:
        _mapping(template, "metadata")
        edited.add_keys(metadata, "annotations", parts.annotations, keys)
    else:
        lines = "annotations:\n" + _indented(parts.annotations)
        edited.add_keys(template, "metadata", lines, {"annotations": keys})
    init = parts.init_container
    edited.add_items(pod, "initContainers", init, meaning(init), first=True)
    mount = meaning(parts.mount)
    containers = _containers(pod, place.containers)
    if len(containers) != len(parts.hooks):
        raise EditError(pod.line, "its containers cannot be told apart by name")
    for container, hooks in zip(containers, parts.hooks, strict=True):
        edited.add_items(container, "volumeMounts", parts.mount, mount)
        if hooks:
            edited.add_keys(container, "lifecycle", hooks, meaning(hooks))
    if parts.grace:
        grace = {drain.GRACE: parts.grace}
        edited.add_keys(template, "spec", f"{drain.GRACE}: {parts.grace}", grace)
    edited.add_items(pod, "volumes", parts.volumes, meaning(parts.volumes))


def remove(document: Document, places: Sequence[Place], *, above: int = 0) -> Document:
    """Return a document with the overlay taken out of these pod templates.

    This restores the text from before `add` byte for byte. `above` is as in `add`. Raises
    OverlayError if the text cannot be edited in place.
    """
    if not places:
        return document
    before = document.data
    for place in places:
        before = _changed(before, place.path, drain.without_drain)
    before = _bare(before)

    def edit(edited: Splice) -> None:
        for place in places:
            _remove(edited, place, _within(document.data, place.path))

    title = places[0].title
    made, _ = _edited(document, title, edit, above)
    _prove(document, made, title, lambda found: bool(_bare(found) == before), above)
    return made


def _remove(edited: Splice, place: Place, data: Any) -> None:
    """Remove the overlay from a pod template. `data` is the data of the template."""
    template = _at(edited, place.path)
    pod = _mapping(template, "spec")
    metadata = template.get("metadata")
    annotations = metadata.get("annotations") if metadata else None
    pairs = annotations.pairs() if annotations else []
    ours = bool(pairs) and all(key.value in _ANNOTATIONS for key, _ in pairs)
    if not (ours and edited.remove_outer(template, "metadata", "annotations")) and metadata:
        edited.remove_keys(metadata, "annotations", _ANNOTATIONS.__contains__)
    for key in _LISTS:
        edited.remove_items(pod, key, _is_ours)
    listed = pod.get("containers")
    drained = at(data, "spec", "containers") if drain.is_ours(data) else []
    for number, container in enumerate(listed.children if listed else []):
        edited.remove_items(container, "volumeMounts", _is_ours)
        if isinstance(drained, list) and number < len(drained):
            hooks = drain.our_hooks(drained[number])
            edited.remove_keys(container, "lifecycle", hooks.__contains__)
    if drain.grace_is_ours(data):
        edited.remove_keys(template, "spec", drain.GRACE.__eq__)


def _edited(
    document: Document, title: str, edit: Callable[[Splice], None], above: int
) -> tuple[Document, tuple[str, ...]]:
    """Return the edited document and the inserted texts. Raises OverlayError if an edit fails."""
    edited = Splice(document.text, document.tree)
    try:
        edit(edited)
        return Document(edited.text()), edited.replacements()
    except EditError as error:
        where = f"line {above + error.line}: {error.why}"
        raise OverlayError(f"{title} cannot be edited in place: {where}", _HINT) from error


def _prove(
    document: Document, made: Document, title: str, is_right: Callable[[Any], bool], above: int
) -> None:
    """Raise OverlayError unless `is_right` accepts the data of `made`, the edited document."""
    try:
        right = is_right(made.data)
    except OverlayError:
        right = False
    if not right:
        where = f"line {above + (document.tree.line if document.tree else 1)} and below"
        raise OverlayError(
            f"{title} cannot be edited in place: {where}: its values would not stay", _HINT
        )


def _changed(data: Any, where: KeyPath, change: Callable[[Any], Any]) -> Any:
    """Return a copy of data in which `change` has replaced the value at a path."""
    if not where:
        return change(data)
    copy = data.copy()
    copy[where[0]] = _changed(data[where[0]], where[1:], change)
    return copy


def _within(data: Any, where: KeyPath) -> Any:
    for key in where:
        data = data[key]
    return data


def _bare(data: object) -> object:
    """Return data without the overlay, and without empty values at keys that it may have added."""
    if isinstance(data, dict):
        pairs = ((key, _bare(value)) for key, value in data.items() if key not in _ANNOTATIONS)
        return {key: value for key, value in pairs if value or key not in _TOUCHED}
    if isinstance(data, list):
        return [_bare(item) for item in data if not _named_ours(item)]
    return data


def _named_ours(item: object) -> bool:
    return string_at(item, "name") in NAMES


def _is_ours(item: Node) -> bool:
    name = item.get("name")
    return name is not None and name.kind == "scalar" and name.value in NAMES


def _at(edited: Splice, where: KeyPath) -> Node:
    node = edited.root
    for key in where:
        node = child_at(node, key) if node else None
    if node is None or node.kind != "mapping":
        raise EditError(edited.root.line if edited.root else 1, "its pod template is not there")
    return node


def _mapping(parent: Node, key: str) -> Node:
    node = child_at(parent, key)
    if node is None or node.kind != "mapping":
        raise EditError(parent.line, f"there is no {key}")
    return node


def _containers(pod: Node, names: Sequence[str]) -> list[Node]:
    listed = child_at(pod, "containers")
    chosen = []
    for number in range(len(listed.children) if listed else 0):
        item = listed.children[number] if listed else None
        name = item.get("name") if item else None
        if listed and name and name.value in names:
            chosen.append(child_at(listed, number))
    if len(chosen) != len(names):
        raise EditError(pod.line, "a container comes from an alias or a merge key")
    return [item for item in chosen if item]


def _indented(text: str) -> str:
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))
