"""Read and write a ResourceList, which kustomize passes to functions. Pure."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from litellm_overlay.errors import OverlayError, ValuesError
from litellm_overlay.names import DIGEST_ANNOTATION
from litellm_overlay.objects.access import is_payload, name, namespace, string_at
from litellm_overlay.objects.manifests import Document, documents, join
from litellm_overlay.overlay.splice import EditError, Splice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.objects.access import Object

_KIND = "ResourceList"
_GROUP = "config.kubernetes.io/"
_MARKER = "---\n"


def values_in(text: str) -> str | None:
    """Return the `spec` of a ResourceList's functionConfig as JSON, None for any other stream.

    It is "{}" without a functionConfig or spec. Raises ValuesError if spec is no mapping.
    """
    resource_list = _first(text)
    if resource_list is None:
        return None
    config = resource_list.get("functionConfig") or {}
    spec = config.get("spec") or {} if isinstance(config, dict) else config
    if not isinstance(spec, dict):
        raise ValuesError("functionConfig.spec must be a mapping, as a values file is")
    return json.dumps(spec)


def fold(text: str) -> str:
    """Return the output of `inject` for a ResourceList as one list, with our ConfigMaps as items.

    Raises OverlayError if the list cannot be edited in place.
    """
    parts = [Document(each) for each in documents(text)]
    ours = [part for part in parts if _is_alone(part)]
    kept = [_with_items(part, ours) if _is_list(part.data) else part.text for part in parts]
    return join(text, [new for part, new in zip(parts, kept, strict=True) if part not in ours])


def _with_items(whole: Document, ours: Sequence[Document]) -> str:
    there = {_key(item) for where, item in whole.objects() if where and is_payload(item)}
    missing = [part for part in ours if _key(part.data) not in there]
    if not missing or whole.tree is None:
        return whole.text
    edited = Splice(whole.text, whole.tree)
    lines = "".join(_as_item(part.text) for part in missing)
    try:
        edited.add_items(whole.tree, "items", lines, [part.data for part in missing])
    except EditError as error:
        raise OverlayError(
            f"the ResourceList cannot be edited in place: {error.why}",
            "write its items out, without anchors, aliases and merge keys",
        ) from error
    return edited.text()


def _key(item: Object) -> tuple[str | None, str]:
    return namespace(item), name(item)


def _is_alone(part: Document) -> bool:
    """Say whether a document is one of our ConfigMaps."""
    return DIGEST_ANNOTATION in part.text and is_payload(part.data)


def _first(text: str) -> dict[str, Any] | None:
    """Return the ResourceList that is the only document of a stream, None for any other stream."""
    if _KIND not in text:
        return None
    every = (Document(part).data for part in documents(text))
    contents = [data for data in every if data is not None]
    return contents[0] if len(contents) == 1 and _is_list(contents[0]) else None


def _is_list(data: object) -> bool:
    return string_at(data, "kind") == _KIND and string_at(data, "apiVersion").startswith(_GROUP)


def _as_item(part: str) -> str:
    return "- " + textwrap.indent(part.removeprefix(_MARKER).rstrip("\n"), "  ")[2:] + "\n"
