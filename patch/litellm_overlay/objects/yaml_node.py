"""A node of a YAML or JSON text: its position in the text, and its data. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_STR = "tag:yaml.org,2002:str"
_NULLS = {"", "~", "null", "Null", "NULL"}
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(_NULLS),
    **{
        word: value
        for value, words in ((True, "true yes on"), (False, "false no off"))
        for plain in words.split()
        for word in (plain, plain.title(), plain.upper())
    },
}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}", re.ASCII)
_OCTAL = re.compile(r"0o?[0-7]{1,21}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], float]], ...] = (
    (_INT, int),
    (_HEX, lambda text: int(text, 16)),
    (_OCTAL, lambda text: int(text.replace("o", ""), 8)),
    (_FLOAT, float),
)
_BEGINS_NUMBER = frozenset("+-.0123456789")


@dataclass(slots=True, eq=False)
class Node:
    """A node of the tree. It covers the text from `start` up to `end`, in characters.

    `kind` is scalar, list, mapping or alias. A mapping's children are its keys and values in turn.
    `opening` is the position behind the bracket of a collection in flow style; of a list in block
    style, it is that of the first dash. `value` is a scalar's decoded text, or an alias's name.
    """

    kind: str
    start: int
    end: int
    line: int
    value: str = ""
    style: str = ""
    tag: str | None = None
    anchor: str | None = None
    flow: bool = False
    opening: int = 0
    children: list[Node] = field(default_factory=list)
    target: Node | None = None  # of an alias
    size: int = 1  # number of nodes in it, with aliases expanded
    height: int = 1  # levels of nesting, with aliases expanded
    closed: bool = False
    aliased: bool = False

    def pairs(self) -> list[tuple[Node, Node]]:
        """Return a mapping's keys and values as pairs of nodes, [] for any other kind."""
        if self.kind != "mapping":
            return []
        return list(zip(self.children[::2], self.children[1::2], strict=True))

    def get(self, key: str) -> Node | None:
        """Return the value node of a key, None for none. An alias is not followed."""
        return next((value for name, value in self.pairs() if name.value == key), None)

    @property
    def is_null(self) -> bool:
        """Say whether the node is a scalar, without quotes and tag, that means null."""
        return self.kind == "scalar" and not self.style and not self.tag and self.value in _NULLS


def to_data(node: Node) -> Any:
    """Return the data of a node: str, int, float, bool, None, list or dict.

    Dates stay texts, as in Kubernetes.
    """
    kind = node.kind
    if kind == "scalar":
        return node.value if node.style or node.tag == _STR else _plain(node.value)
    if kind == "mapping":
        return _mapping(node)
    if kind == "list":
        return [to_data(child) for child in node.children]
    return to_data(node.target) if node.target else None


def _mapping(node: Node) -> dict[Any, Any]:
    own = {}
    merges = False
    parts = iter(node.children)
    for name, value in zip(parts, parts, strict=True):
        if name.value == "<<" and not name.style:
            merges = True
        else:
            own[to_data(name)] = to_data(value)
    return {**merged_entries(node), **own} if merges else own


def merged_entries(node: Node) -> dict[Any, Any]:
    """Return the entries that a mapping's `<<` keys bring in; the first source wins."""
    result: dict[Any, Any] = {}
    for name, value in node.pairs():
        if name.value != "<<" or name.style:
            continue
        source = to_data(value)
        for each in source if isinstance(source, list) else [source]:
            result = {**each, **result} if isinstance(each, dict) else result
    return result


def _plain(text: str) -> Any:
    """Return the value of a scalar without quotes and tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _BEGINS_NUMBER:
        return text
    return next((read(text) for form, read in _NUMBERS if form.fullmatch(text)), text)
