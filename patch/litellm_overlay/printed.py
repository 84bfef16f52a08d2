"""Make foreign text safe to print on a terminal or in a shell command. Pure.

Text from a cluster, a file or a pod may be hostile, and all of it is printed through here.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata

PLACEHOLDER = "NAME"  # in a command, for a name that no shell should get
_LONGEST = 300  # characters of a word in a command
_LINE = 1000  # characters of a quotation
_SENTENCE = re.compile(r"[A-Z][^$|&<>\\`;]*[.]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*", re.ASCII)
# Letters that are drawn as nothing, or that turn the direction of what follows.
_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def sanitize(text: str, *, keep: str = "") -> str:
    """Return a text without what could move a terminal's cursor, but for the characters to keep."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in _INVISIBLE else " "
        for char in text
    )


def shell_word(text: object) -> str:
    """Return a text as one word of a shell's command; PLACEHOLDER where it cannot be a name.

    Quotes alone would be safe for a shell, but not for a person who reads before pasting.
    """
    word = str(text)
    if not word or len(word) > _LONGEST or word.startswith("-") or sanitize(word) != word:
        return PLACEHOLDER
    return shlex.quote(word)


def yaml_word(text: object) -> str:
    """Return a text as one scalar of YAML, in quotes where it is more than a name."""
    word = sanitize(str(text))
    return word if _NAME.fullmatch(word) else json.dumps(word, ensure_ascii=False)


def sentence(text: str) -> str:
    """Return foreign advice unchanged if it is a plain sentence, else in quotation marks.

    People paste what stands where they expect a command.
    """
    flat = " ".join(sanitize(text).split())[:_LINE]
    if not flat or _SENTENCE.fullmatch(flat):
        return flat
    return f"the guard says: {json.dumps(flat, ensure_ascii=False)}"
