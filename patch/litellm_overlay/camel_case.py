"""One spelling of keys, in values and in what is printed for programs: camelCase. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def to_camel_case(name: str) -> str:
    """Return the key that stands for a field."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def to_camel_case_data(value: Any) -> Any:
    """Return what JSON and YAML can hold: a dataclass as a mapping, a tuple as a list.

    The keys of what is a mapping already are data, a model's name perhaps, and stay.
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
