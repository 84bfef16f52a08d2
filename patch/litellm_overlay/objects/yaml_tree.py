"""Parse YAML or JSON into a tree whose nodes know their position in the text. Pure.

This is the only parser of manifests and values. It reads the parser's events one by one, and limits
depth and aliases, so that no text can exhaust memory, time or the stack.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from litellm_overlay.errors import OverlayError
from litellm_overlay.objects.yaml_node import Node, to_data

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 150  # the deepest Kubernetes objects, schemas of custom resources, stay below 70
MAX_ALIASED = 200_000  # limit on the values that all aliases of a document expand to

# libyaml's parser is ten times faster than Python's. Both give the same events.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_JSON = re.compile(r"\s*(?:---[ \t]*\r?\n)?\s*\{")
_UNLIKE = re.compile(
    r"\t|(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})", re.ASCII
)


RENDERED = "inject reads rendered manifests, not templates"


def load(text: str, what: str = "a document", hint: str = "") -> Any:
    """Return the data of a YAML text, None for an empty one.

    Raises OverlayError if it is not YAML; `what` names the text in the error.
    """
    root = compose(text, what, hint)
    return to_data(root) if root else None


def compose(text: str, what: str = "a document", hint: str = "") -> Node | None:
    """Return the tree of a text with one document, None for an empty one.

    Raises OverlayError if it is not YAML; `what` names the text in the error.
    """
    try:
        return _Composer().compose(_as_yaml(text))
    except yaml.YAMLError as error:
        message = " ".join(str(error).split())
        raise OverlayError(f"{what} is not YAML: {message}", hint) from error
    # Half a surrogate pair; for the parser that is Python, a character beyond Unicode.
    except (ValueError, OverflowError, RecursionError) as error:
        raise OverlayError(f"{what} is not YAML: {error}", hint) from error
    except _RefusedError as error:
        raise OverlayError(f"{what} {error}", hint) from error


def _as_yaml(text: str) -> str:
    """Return JSON rewritten so that a YAML parser reads it; any other text unchanged.

    Only tabs and surrogate pairs are replaced. Lengths stay the same, so positions do, too.
    """
    match = _JSON.match(text)
    if not match or not _UNLIKE.search(text):
        return text
    try:
        json.loads(text[match.end() - 1 :])
    except (ValueError, RecursionError):
        return text
    return _UNLIKE.sub(_alike, text)


def _alike(match: re.Match[str]) -> str:
    r"""Return a replacement of the same length that YAML reads as JSON reads the original.

    A tab between values becomes a space. A surrogate pair becomes one \U escape; an escaped line
    feed before it, which YAML drops, fills the length.
    """
    if match[0] == "\t":
        return " "
    char: str = json.loads(f'"{match[2]}"')
    return f"{match[1]}\\\n\\U{ord(char):08x}"


def require_flat(data: object, what: str = "a document") -> None:
    """Raise OverlayError if data is nested more than MAX_DEPTH levels deep."""
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise OverlayError(f"{what} is nested more than {MAX_DEPTH} levels deep")


class _RefusedError(Exception):
    """The text is YAML, but this tool does not accept it in a document."""


class _Composer:
    """Builds the tree from events. A large document has 100,000, so each step must be fast."""

    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._open: list[Node] = []
        self._root: Node | None = None
        self._aliased = 0
        self._documents = 0

    def compose(self, text: str) -> Node | None:
        loader = _Loader(text)
        try:
            self._read(loader.get_event)
        finally:
            loader.dispose()
        return self._root

    def _read(self, next_event: Callable[[], Any]) -> None:
        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        while True:
            event = next_event()
            kind = event.__class__
            if kind is yaml.StreamEndEvent:
                return
            if kind in handlers:
                handlers[kind](event)

    def _document(self, _: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _RefusedError("holds two documents without a line --- between them")

    def _scalar(self, event: Any) -> None:
        node = _scalar(event)
        if node.anchor:
            self._anchors[node.anchor] = node
        if len(self._open) >= MAX_DEPTH:
            raise _too_deep()
        self._add(node)
        if self._open:
            self._open[-1].size += 1

    def _add(self, node: Node) -> None:
        """Append a node to the innermost open collection; without one, it is the root."""
        if not self._open:
            self._root = node
            return
        above = self._open[-1]
        siblings = above.children
        if node.kind != "scalar" and above.kind == "mapping" and not len(siblings) % 2:
            raise _RefusedError(
                f"is not YAML of Kubernetes: line {node.line} has a {node.kind} as key"
            )
        siblings.append(node)

    def _start(self, event: Any) -> None:
        end = event.end_mark.index
        kind = "list" if event.__class__ is yaml.SequenceStartEvent else "mapping"
        node = Node(
            kind, event.start_mark.index, end, event.start_mark.line + 1,
            tag=_tag(event), anchor=event.anchor, flow=bool(event.flow_style), opening=end,
        )  # fmt: skip
        if node.anchor:
            self._anchors[node.anchor] = node
        self._add(node)
        self._open.append(node)
        if len(self._open) > MAX_DEPTH:
            raise _too_deep()

    def _close(self, event: Any) -> None:
        node = self._open.pop()
        node.end, node.closed = event.end_mark.index, True
        if node.children:
            node.height = max(node.height, 2)
            if not node.flow:
                node.end = node.children[-1].end
        self._count(node)

    def _alias(self, event: Any) -> None:
        name = str(event.anchor)
        target = self._anchors.get(name)
        if target is None:
            raise _RefusedError(f"has an alias *{name} without an anchor")
        if target.kind != "scalar" and not target.closed:
            raise _RefusedError(f"has an anchor &{name} that contains itself")
        target.aliased = True
        self._aliased += target.size
        if self._aliased > MAX_ALIASED:
            raise _RefusedError(f"has aliases that stand for over {MAX_ALIASED:,} values")
        node = Node(
            "alias", event.start_mark.index, event.end_mark.index, event.start_mark.line + 1,
            value=name, target=target, size=target.size, height=target.height,
        )  # fmt: skip
        self._add(node)
        if len(self._open) + node.height > MAX_DEPTH:
            raise _too_deep()
        self._count(node)

    def _count(self, node: Node) -> None:
        if self._open:
            above = self._open[-1]
            above.size += node.size
            above.height = max(above.height, node.height + 1)


def _scalar(event: Any) -> Node:
    value, style, start = event.value, event.style or "", event.start_mark
    if not value.isascii():
        value.encode()  # raises ValueError for half a surrogate pair
    implicit = event.implicit
    if not style and implicit[1] and not implicit[0]:
        style = "'"  # the tag "!" makes a text of any scalar
    return Node(
        "scalar", start.index, event.end_mark.index, start.line + 1,
        value, style, _tag(event), event.anchor,
    )  # fmt: skip


def _tag(event: Any) -> str | None:
    tag: str | None = event.tag
    return tag if tag and tag != "!" else None


def _too_deep() -> _RefusedError:
    return _RefusedError(f"is nested more than {MAX_DEPTH} levels deep")
