"""Convert field names to camelCase, the form of keys in values files and in JSON output. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def to_camel_case(name: str) -> str:
    """Return the camelCase key of a field's snake_case name."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def to_camel_case_data(value: Any) -> Any:
    """Return a value as data for JSON or YAML: dataclasses become mappings, tuples become lists.

    A dataclass's keys become camelCase. A mapping's keys are data, such as model names, and stay.
    """
    if is_dataclass(value):
        return {
            to_camel_case(item.name): to_camel_case_data(getattr(value, item.name))
            for item in fields(value)
        }
    if isinstance(value, Mapping):
        return {key: to_camel_case_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_camel_case_data(item) for item in value]
    return value
