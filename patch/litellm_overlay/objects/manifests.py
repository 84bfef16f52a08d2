"""Split and join a stream of manifests as text, so that no document is rewritten. Pure."""

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
    """Return the documents of a stream, split before each "---". Together they are the stream."""
    starts = [match.start() for match in _MARKER.finditer(text)]
    bounds = sorted({0, *starts, len(text)})
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


def join(before: str, parts: Sequence[str]) -> str:
    """Return documents as one stream. All but the first begin with "---".

    The first loses its "---" if the stream `before` did not begin with one.
    """
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
    """A document of a stream. It is parsed once, and only when that is needed.

    It has no slots, since cached properties need a `__dict__`. Its data must not be changed.
    """

    text: str

    @cached_property
    def tree(self) -> Node | None:
        """Return the YAML tree, None for an empty document. OverlayError if it is not YAML."""
        return yaml_tree.compose(self.text, hint=yaml_tree.RENDERED)

    @cached_property
    def data(self) -> Any:
        """Return the data, None for an empty document. OverlayError if it is not YAML."""
        return yaml_node.to_data(self.tree) if self.tree else None

    def objects(self) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
        """Yield each object with its path. A List yields its items instead of itself."""
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
    """Yield each object of a document with its path. A List yields its items instead of itself."""
    return Document(document).objects()
