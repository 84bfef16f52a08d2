"""A stream of manifests, split and joined as text, so that no document is rewritten. Pure."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from litellm_overlay.objects import yaml_node, yaml_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.objects.yaml_node import Node

_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)


KeyPath = tuple[str | int, ...]


def documents(text: str) -> list[str]:
    """Split a stream before each "---"; the parts make up the stream."""
    starts = [match.start() for match in _MARKER.finditer(text)]
    bounds = sorted({0, *starts, len(text)})
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


def join(before: str, parts: Sequence[str]) -> str:
    """Join documents; the first has a "---" if, and only if, the stream began with one."""
    if not parts:
        return ""
    rest = [
        item if item.startswith("---") or number == 0 else f"---\n{item}"
        for number, item in enumerate(parts)
    ]
    marked = before.startswith("---")
    if not marked and rest[0].startswith("---\n"):
        rest[0] = rest[0].removeprefix("---\n")
    # A last document without line feed must not swallow the next one's marker.
    ended = [item if item.endswith("\n") else f"{item}\n" for item in rest[:-1]]
    return "".join([*ended, rest[-1]])


@dataclass(frozen=True)
class Document:
    """A document of a stream, which is parsed once, and only if somebody looks into it.

    No slots: it keeps what it has worked out. Its data is for reading alone.
    """

    text: str

    @cached_property
    def tree(self) -> Node | None:
        """Return its tree; None where it is empty. OverlayError if it is not YAML."""
        return yaml_tree.compose(self.text, hint=yaml_tree.RENDERED)

    @cached_property
    def data(self) -> Any:
        """Return what it means. OverlayError if it is not YAML."""
        return yaml_node.to_data(self.tree) if self.tree else None

    def objects(self) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
        """Yield every object in it with its path; those of a List one by one."""
        data = self.data
        if not isinstance(data, dict):
            return
        if str(data.get("kind", "")).endswith("List") and isinstance(data.get("items"), list):
            for number, item in enumerate(data["items"]):
                if isinstance(item, dict):
                    yield ("items", number), item
        else:
            yield (), data


def objects(document: str) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Yield every object of a document with its path; those of a List one by one."""
    return Document(document).objects()
