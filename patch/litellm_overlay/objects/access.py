"""Read fields of an object whose keys may be missing, or of another type. Pure.

An object is a dict, parsed from a manifest or from an answer of the Kubernetes API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_overlay.names import PAYLOAD_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Object = dict[str, Any]


def at(item: object, *keys: str) -> Any:
    """Return the value found by following keys, None where one is missing."""
    for key in keys:
        if not isinstance(item, dict):
            return None
        item = item.get(key)
    return item


def mapping(item: object, *keys: str) -> Object:
    """Return the mapping found by following keys, {} where there is none."""
    value = at(item, *keys)
    return value if isinstance(value, dict) else {}


def string_at(item: object, *keys: str) -> str:
    """Return the text found by following keys, "" where there is none."""
    value = at(item, *keys)
    return value if isinstance(value, str) else ""


def int_at(item: object, *keys: str) -> int | None:
    """Return the whole number found by following keys, None where there is none."""
    value = at(item, *keys)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def string_list_at(item: object, *keys: str) -> list[str]:
    """Return the texts in the list found by following keys, [] where there is none."""
    value = at(item, *keys)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def items(item: object, *keys: str) -> list[Object]:
    """Return the mappings in the list found by following keys, [] where there is none."""
    value = at(item, *keys)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def find_by_name(objects: Iterable[Object], wanted: str) -> Object | None:
    """Return the first object whose `name` is `wanted`, None where there is none."""
    return next((each for each in objects if each.get("name") == wanted), None)


def namespace(item: Object) -> str | None:
    """Return an object's namespace, None where it has none."""
    return string_at(item, "metadata", "namespace") or None


def name(item: Object) -> str:
    """Return an object's name, "" where it has none."""
    return string_at(item, "metadata", "name")


def labels(item: Object) -> Object:
    """Return an object's labels, {} where it has none."""
    return mapping(item, "metadata", "labels")


def annotations_of(item: Object) -> Object:
    """Return an object's annotations, {} where it has none."""
    return mapping(item, "metadata", "annotations")


def qualified_name(item: Object) -> str:
    """Return "Kind/namespace/name", or "Kind/name" where there is no namespace."""
    return "/".join(filter(None, (string_at(item, "kind"), namespace(item), name(item))))


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Say whether a label selector matches these labels. An empty selector matches nothing."""
    return bool(selector) and selector.items() <= labels.items()


def is_payload(item: object) -> bool:
    """Say whether an object is a payload ConfigMap of ours, of any patch version."""
    ours = selects(PAYLOAD_LABELS, mapping(item, "metadata", "labels"))
    return ours and string_at(item, "kind") == "ConfigMap"
