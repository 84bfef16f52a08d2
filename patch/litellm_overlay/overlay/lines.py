"""Find where lines of a text begin and end, for the nodes of its tree. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_overlay.objects.yaml_node import Node


def line_start(text: str, at: int) -> int:
    """Return the start of the line that holds the position `at`."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, node: Node) -> int:
    """Return the end of a node's last line, behind its line feed, or the end of the text."""
    while node.children and not node.flow:
        node = node.children[-1]
    if node.style not in ("|", ">"):
        position = text.find("\n", node.end)
        return position + 1 if position >= 0 else len(text)
    # The node's end includes blank lines, but only a "|+" block owns them.
    head = text[node.start : text.find("\n", node.start)].split("#", 1)[0]
    if node.end < len(text) or "+" in head:
        end = node.end
        begins = line_start(text, end)
        if not text[begins:end].strip() and end < len(text):
            end = begins
    else:
        end = len(text)
    if "+" in head:
        return end
    content = text[node.start : end].rstrip()
    position = text.find("\n", node.start + len(content))
    return position + 1 if position >= 0 else len(text)


def start_of_comments(text: str, begins: int) -> int:
    """Return the start of the comments and blank lines directly above a line."""
    while begins:
        before = line_start(text, begins - 1)
        line = text[before : begins - 1].strip()
        if line and not line.startswith("#"):
            break
        begins = before
    return begins


def ends_in_block(node: Node) -> bool:
    """Say whether a node ends with a block of text ("|" or ">")."""
    while node.children:
        node = node.children[-1]
    return node.style in ("|", ">")
