"""Edit YAML or JSON as text: insert and remove nodes, and leave all other bytes. Pure.

Removal restores the text before the insertion, byte for byte. In block style, an insertion is whole
lines, and we added each key that holds only our items. In flow style, JSON included, it is JSON on
the existing line. The number of spaces behind a new bracket tells what was there before:

    [{…}]     an empty list: []
    [ {…}]    nothing: the key is ours
    [  {…}]   a key without a value; three spaces: null; four: ~; and so on (`_NULLS`)

A text that cannot be edited in this way raises EditError, with the line and the reason.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

from litellm_overlay.objects.yaml_node import merged_entries
from litellm_overlay.overlay.json_text import OURS, filled, to_json
from litellm_overlay.overlay.lines import ends_in_block, line_end, line_start, start_of_comments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_overlay.objects.yaml_node import Node

_DEEPEST = 10**6
_NULLS = ("", "null", "~", "Null", "NULL")  # marked by two spaces, three, four and so on


class EditError(Exception):
    """The text cannot be edited on this line; `why` gives the reason."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


class Splice:
    """The edits of one document, applied together by `text`. `root` is the document's tree."""

    def __init__(self, text: str, root: Node | None) -> None:
        self._text = text
        self.root = root
        # Start, depth, end, replacement. At the same place, insert deeper-indented text first,
        # since it closes its parent block.
        self._edits: list[tuple[int, int, int, str]] = []
        self._cuts: list[tuple[int, int]] = []  # whole lines, from start to end

    def text(self) -> str:
        """Return the document with all edits made."""
        text = self._text
        cuts = [(start, 0, end, "") for start, end in self._joined_cuts()]
        ordered = sorted([*self._edits, *cuts], key=lambda edit: (edit[0], -edit[1]))
        for start, _, end, new in reversed(
            ordered
        ):  # from the end, so that earlier offsets stay valid
            text = text[:start] + new + text[end:]
        return text

    def replacements(self) -> tuple[str, ...]:
        """Return the inserted texts, exactly as they will be in the document."""
        return tuple(new for *_, new in self._edits)

    def add_items(
        self, parent: Node, key: str, lines: str, items: Sequence[Any], *, first: bool = False
    ) -> None:
        """Add items to the list at `key`, which may be missing. `lines` are the items as YAML."""
        node = self._at(parent, key, "list")
        if node is None or node.is_null:
            self._set(parent, key, lines, list(items))
        elif not node.flow:
            self._add_lines(key, node, lines, first=first)
        else:
            self._add_flow(node, [to_json(item) for item in items], first=first)

    def add_keys(self, parent: Node, key: str, lines: str, keys: dict[str, Any]) -> None:
        """Add keys to the mapping at `key`, which may be missing. `lines` are the keys as YAML."""
        node = self._at(parent, key, "mapping")
        if node is None or node.is_null:
            self._set(parent, key, textwrap.indent(lines, "  "), keys)
        elif not node.flow:
            at, column = self._end_of(node)
            self._insert(at, lines, column, 2 * column)
        else:
            self._add_flow(node, [f"{to_json(name)}: {to_json(keys[name])}" for name in keys])

    def remove_items(self, parent: Node, key: str, drop: Callable[[Node], bool]) -> None:
        """Remove items of the list at `key`, and the key itself if we added it."""
        node = parent.get(key)
        if node is None or node.kind != "list":
            return
        doomed = [child for child in node.children if drop(child)]
        if not doomed:
            return
        if len(doomed) == len(node.children):
            self._empty(parent, node)
        elif node.flow:
            self._remove_flow([(child, child) for child in node.children], doomed)
        else:
            for child in doomed:
                self._remove_lines(self._dash(child), child)

    def remove_keys(self, parent: Node, key: str, drop: Callable[[str], bool]) -> None:
        """Remove keys of the mapping at `key`, and the mapping itself if we added it."""
        node = parent.get(key)
        if node is None or node.kind != "mapping":
            return
        doomed = [name for name, _ in node.pairs() if drop(name.value)]
        if not doomed:
            return
        if len(doomed) == len(node.pairs()):
            self._empty(parent, node)
        elif node.flow:
            self._remove_flow(node.pairs(), doomed)
        else:
            for name, value in node.pairs():
                if name in doomed:
                    self._remove_lines(name.start, value)

    def remove_outer(self, parent: Node, key: str, inner: str) -> bool:
        """Remove the mapping at `key` if `inner` is its only key; return whether it was removed."""
        outer = parent.get(key)
        only = outer.get(inner) if outer and len(outer.pairs()) == 1 else None
        if not outer or not only:
            return False
        added = not only.flow
        if outer.flow:
            added = bool(self._mark(outer)) and self._mark(only) == OURS
        if added:
            self._empty(parent, outer)
        return added

    # The methods below are private.

    def _at(self, parent: Node, key: str, kind: str) -> Node | None:
        node = child_at(parent, key)
        if node and (node.tag or not (node.kind == kind or node.is_null)):
            raise EditError(node.line, f"{key} is no plain {kind}")
        return node

    def _set(self, parent: Node, key: str, lines: str, value: list[Any] | dict[str, Any]) -> None:
        """Set the value of a key that is missing or null. `lines` are the value as YAML."""
        node = parent.get(key)
        if node is not None:
            if node.anchor or self._text[node.start - 1 : node.start] not in (":", " ", "\t"):
                raise EditError(node.line, f"{key} has a null that cannot be replaced")
            mark = OURS + 1 + _NULLS.index(node.value)
            space = "" if node.value else " "
            self._edits.append((node.start, _DEEPEST, node.end, space + filled(value, mark)))
        elif parent.flow:
            self._add_flow(parent, [f"{to_json(key)}: {filled(value, OURS)}"])
        else:
            at, column = self._end_of(parent)
            self._insert(at, f"{key}:\n{lines}", column, 2 * column)

    def _add_flow(self, node: Node, parts: Sequence[str], *, first: bool = False) -> None:
        """Add parts to a list or mapping in flow style."""
        text = ", ".join(parts)
        if not node.children:
            self._edits.append((node.opening, 0, node.opening, text))
        elif first:
            self._edits.append((node.opening, 0, node.opening, f"{text}, "))
        else:
            at = node.children[-1].end
            self._edits.append((at, 0, at, f", {text}"))

    def _remove_flow(self, pairs: Sequence[tuple[Node, Node]], doomed: Sequence[Node]) -> None:
        """Remove some of the parts of a list or mapping in flow style, each with one comma."""
        kept: Node | None = None
        for name, value in pairs:
            if name not in doomed:
                kept = value
                continue
            before = max((other.end for _, other in pairs if other.end <= name.start), default=0)
            if kept:
                self._edits.append((before, 0, value.end, ""))
            else:
                comma = re.compile(r"\s*, ?").match(self._text, value.end)
                end = comma.end() if comma else value.end
                self._edits.append((name.start, 0, end, ""))

    def _empty(self, parent: Node, node: Node) -> None:
        """Remove all of a list or mapping, and restore what was there: empty, null, or no key."""
        name, value = next((name, value) for name, value in parent.pairs() if value is node)
        mark = self._mark(node) if node.flow else OURS
        mark = OURS if mark is None else mark
        if mark == 0:
            self._edits.append((node.opening, 0, node.children[-1].end, ""))
        elif mark > OURS:
            null = _NULLS[mark - OURS - 1]
            start = node.start if null else node.start - 1
            self._edits.append((start, 0, node.end, null))
        elif not parent.flow:
            self._require_first(name)
            self._remove_lines(name.start, value)
        elif len(parent.pairs()) == 1:
            self._edits.append((parent.opening, 0, value.end, ""))
        else:
            self._remove_flow(parent.pairs(), [name])

    def _mark(self, node: Node) -> int | None:
        """Return the number of spaces behind our bracket, None if it has been rewritten since."""
        match = re.compile(r" *").match(self._text, node.opening)
        spaces = len(match[0]) if match else 0
        kept = bool(node.children) and node.children[0].start == node.opening + spaces
        return spaces if kept and spaces <= OURS + len(_NULLS) else None

    def _add_lines(self, key: str, node: Node, lines: str, *, first: bool) -> None:
        """Add items to a list in block style."""
        dash = node.opening - (self._text[node.opening : node.opening + 1] != "-")
        begins = line_start(self._text, dash)
        column = dash - begins
        if self._text[begins:dash].strip():
            raise EditError(node.line, f"{key} begins in the middle of it")
        at = start_of_comments(self._text, begins) if first else line_end(self._text, node)
        # A list item's dash may be in the key's column, but still belongs to a deeper level.
        self._insert(at, lines, column, 2 * column + 1)

    def _end_of(self, node: Node) -> tuple[int, int]:
        """Return position and column for new keys at the end of a mapping in block style."""
        name = node.children[0]
        column = name.start - line_start(self._text, name.start)
        at = line_end(self._text, node)
        last = node.children[-2]
        if at == len(self._text) and not self._text.endswith("\n") and ends_in_block(node):
            # A line feed here would become part of the block of text before it.
            if self._text[line_start(self._text, last.start) : last.start].strip():
                raise EditError(last.line, "the text at the end lacks its line feed")
            return line_start(self._text, last.start), column
        return at, column

    def _insert(self, at: int, lines: str, column: int, depth: int) -> None:
        feed = "\r\n" if self._text[: self._text.rfind("\n", 0, at) + 1].endswith("\r\n") else "\n"
        text = textwrap.indent(lines, " " * column)
        open_end = at == len(self._text) and not self._text.endswith("\n")
        text = f"\n{text}" if open_end else f"{text}\n"
        self._edits.append((at, depth, at, text.replace("\n", feed)))

    def _remove_lines(self, start: int, last: Node) -> None:
        """Remove whole lines, from the line of `start` to the last line of the node `last`."""
        self._cuts.append((line_start(self._text, start), line_end(self._text, last)))

    def _joined_cuts(self) -> list[tuple[int, int]]:
        """Return the cuts, with adjacent ones joined.

        A cut up to the end of a text without a final line feed includes the line feed before it.
        """
        joined: list[tuple[int, int]] = []
        for start, end in sorted(self._cuts):
            if joined and start <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(end, joined[-1][1])
            else:
                joined.append((start, end))
        if joined and joined[-1][1] == len(self._text) and not self._text.endswith("\n"):
            start, end = joined[-1]
            before = self._text[:start]
            feed = "\r\n" if before.endswith("\r\n") else before[-1:]
            joined[-1] = start - len(feed), end
        return joined

    def _require_first(self, node: Node) -> None:
        """Require that a key begins its line: its removal must not take a "- " with it."""
        if self._text[line_start(self._text, node.start) : node.start].strip():
            raise EditError(node.line, f"{node.value} does not begin it")

    def _dash(self, item: Node) -> int:
        """Return the start of a list item's line. EditError if more than "- " precedes the item."""
        begins = line_start(self._text, item.start)
        if self._text[begins : item.start].strip() != "-":
            raise EditError(item.line, "an item of the overlay does not begin it")
        return begins


def child_at(node: Node, key: str | int) -> Node | None:
    """Return the child at a key or index, None for a missing key.

    Raises EditError if the key is there twice, or if the child comes from an alias or a merge key.
    An edit of such a child would change other places as well.
    """
    if isinstance(key, int):
        child = node.children[key] if node.kind == "list" else None
    else:
        if len([name for name, _ in node.pairs() if name.value == key]) > 1:
            raise EditError(node.line, f"{key} stands there twice")
        child = node.get(key)
        if child is None and key in merged_entries(node):
            raise EditError(node.line, f"{key} comes from a merge key, <<")
    what = f"item {key + 1}" if isinstance(key, int) else key
    if child and child.kind == "alias":
        raise EditError(child.line, f"{what} is an alias, *{child.value}")
    if child and child.aliased:
        raise EditError(child.line, f"{what} is used elsewhere too, as *{child.anchor}")
    return child
