"""Edit YAML as text: find by structure, change whole lines, leave all other bytes alone. Pure.

Only block style with one key or item a line can be edited so. `NotInLinesError` says that a
document is written otherwise, and `in_lines` writes it anew.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

Node = yaml.Node
Mapping = yaml.MappingNode
Sequence = yaml.SequenceNode


class NotInLinesError(Exception):
    """The node cannot be edited by lines: flow style, an alias, or something beside it."""


class Splice:
    """The edits of one document, applied together by `text`."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines(keepends=True)
        self._feed = "\r\n" if text.endswith("\r\n") else "\n"
        if self._lines and not self._lines[-1].endswith("\n"):
            self._lines[-1] += self._feed
        # First line, depth, number of lines, what stands there instead. Of insertions at one line
        # the deeper stands first: it ends what it belongs to.
        self._edits: list[tuple[int, int, int, str]] = []
        self.root = yaml.compose(text, Loader=yaml.SafeLoader)

    def text(self) -> str:
        """Return the document with all edits made."""
        lines = list(self._lines)
        ordered = sorted(self._edits, key=lambda edit: (edit[0], -edit[1]))
        for first, _, count, new in reversed(ordered):  # from the end: line numbers stay true
            lines[first : first + count] = [new.replace("\n", self._feed)] if new else []
        return "".join(lines)

    def remove_key(self, mapping: Mapping, key: str) -> None:
        """Remove a key and its value."""
        _require_block(mapping)
        for name, value in mapping.value:
            if name.value == key:
                self._require_first(name)
                self._remove(name.start_mark.line, self._last(value, name))

    def remove_empty(self, parent: Node | None, key: str) -> None:
        """Remove a key that is there and has nothing in it."""
        value = get(parent, key)
        if isinstance(parent, Mapping) and value is not None and is_empty(value):
            self.remove_key(parent, key)

    def remove_items(self, parent: Mapping, key: str, drop: Callable[[Node], bool]) -> None:
        """Remove items of the list at `key`; with the last of them the key itself goes."""
        items = get(parent, key)
        if not isinstance(items, Sequence) or not any(map(drop, items.value)):
            return
        if all(map(drop, items.value)):
            self.remove_key(parent, key)
            return
        _require_block(items)
        for item in filter(drop, items.value):
            self._remove(self._require_dash(item), self._last(item, item))

    def remove_keys(self, parent: Mapping, key: str, drop: Callable[[str], bool]) -> None:
        """Remove keys of the mapping at `key`; with the last of them the mapping itself goes."""
        mapping = get(parent, key)
        if not isinstance(mapping, Mapping):
            return
        doomed = [name.value for name, _ in mapping.value if drop(name.value)]
        if len(doomed) == len(mapping.value):
            self.remove_key(parent, key)
            return
        for name in doomed:
            self.remove_key(mapping, name)

    def add_items(self, parent: Mapping, key: str, text: str, *, first: bool = False) -> None:
        """Add items (lines that begin with "- ") to the list at `key`, which may be missing."""
        items = get(parent, key)
        if items is None:
            self._set(parent, key, text)
            return
        if not isinstance(items, Sequence):
            raise NotInLinesError
        _require_block(items)
        dash = self._require_dash(items.value[0])
        if first:  # below the key, so that a comment above the first item stays with it
            at = next(name for name, value in parent.value if value is items).start_mark.line + 1
        else:
            at = self._last(items, items) + 1
        column = self._lines[dash].index("-")
        # Its dash may stand where the key stands, and is deeper all the same.
        self._insert(at, text, column, 2 * column + 1)

    def add_keys(self, parent: Mapping, key: str, text: str) -> None:
        """Add keys (lines) to the mapping at `key`, which may be missing."""
        mapping = get(parent, key)
        if mapping is None:
            self._set(parent, key, textwrap.indent(text, "  "))
            return
        if not isinstance(mapping, Mapping):
            raise NotInLinesError
        _require_block(mapping)
        column = _column(mapping)
        self._insert(self._last(mapping, mapping) + 1, text, column, 2 * column)

    def _set(self, parent: Mapping, key: str, text: str) -> None:
        """Add a key with the lines of `text` as its value."""
        if get(parent, key) is not None:
            raise NotInLinesError
        _require_block(parent)
        column = _column(parent)
        self._insert(self._last(parent, parent) + 1, f"{key}:\n{text}", column, 2 * column)

    def _insert(self, at: int, text: str, column: int, depth: int) -> None:
        self._edits.append((at, depth, 0, textwrap.indent(text, " " * column) + "\n"))

    def _remove(self, first: int, last: int) -> None:
        self._edits.append((first, 0, last - first + 1, ""))

    def _last(self, node: Node, owner: Node) -> int:
        """Return the last line of a node. `owner` stands before it: an alias points backwards."""
        if node.start_mark.index < owner.start_mark.index:
            raise NotInLinesError
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            parts = [pair[-1] for pair in node.value] if isinstance(node, Mapping) else node.value
            owners = [pair[0] for pair in node.value] if isinstance(node, Mapping) else node.value
            return max(map(self._last, parts, owners))
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            return self._last_of_block(node)
        if node.end_mark.line != node.start_mark.line or node.value:
            return int(node.end_mark.line)
        return int(owner.end_mark.line)  # "key:" without a value

    def _last_of_block(self, node: yaml.ScalarNode) -> int:
        """Return the last line of a block scalar, whose mark stands behind blank lines as well."""
        last = node.end_mark.line - 1 if node.end_mark.column == 0 else node.end_mark.line
        last = min(last, len(self._lines) - 1)
        if "+" in self._lines[node.start_mark.line][node.start_mark.column :].split("#")[0]:
            return int(last)  # "|+" keeps them
        while last > node.start_mark.line and not self._lines[last].strip():
            last -= 1
        return int(last)

    def _require_first(self, node: Node) -> None:
        """Require that a key begins its line: its removal must not take a "- " with it."""
        before = self._lines[node.start_mark.line][: node.start_mark.column]
        if before.strip():
            raise NotInLinesError

    def _require_dash(self, item: Node) -> int:
        """Return the line of a list's item, which has its "- " before it and nothing else."""
        line = int(item.start_mark.line)
        if self._lines[line][: item.start_mark.column].strip() != "-":
            raise NotInLinesError
        return line


def get(node: Node | None, *keys: str) -> Node | None:
    """Return the node below a path of keys, or None."""
    for key in keys:
        if not isinstance(node, Mapping):
            return None
        node = next((value for name, value in node.value if name.value == key), None)
    return node


def in_lines(text: str) -> str:
    """Return the same data written as `Splice` can edit it. Comments are lost."""
    data = _name_first(yaml.safe_load(text))
    return "---\n" * text.startswith("---") + yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31
    )


def _name_first(data: object) -> object:
    """Return the same data; the line of a list item's dash holds its name, which nobody edits."""
    if isinstance(data, list):
        return [_name_first(item) for item in data]
    if isinstance(data, dict):
        keys = sorted(data, key=lambda key: key != "name")
        return {key: _name_first(data[key]) for key in keys}
    return data


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """Write things out in full, where an alias stood."""
        del data
        return True


def _column(mapping: Mapping) -> int:
    """Return where its keys begin; an anchor may stand before the first, on another line."""
    return int(mapping.value[0][0].start_mark.column)


def is_empty(node: Node | None) -> bool:
    """Say whether a node is missing, null, or an empty list, mapping or text."""
    if node is None:
        return True
    if isinstance(node, yaml.ScalarNode):
        return bool(node.tag == "tag:yaml.org,2002:null")
    return not node.value


def _require_block(node: yaml.CollectionNode) -> None:
    if node.flow_style:
        raise NotInLinesError
