"""Make foreign text safe to print on a terminal or in a shell command. Pure.

Text from a cluster, a file or a pod may be hostile. All of it passes through here to be printed.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata

PLACEHOLDER = "NAME"  # stands in a command for a name that is not safe to paste
_LONGEST = 300  # characters of one word in a command
_LINE = 1000  # characters of quoted text
_SENTENCE = re.compile(r"[A-Z][^$|&<>\\`;]*[.]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*", re.ASCII)
# Words that a reader of YAML may take for true, false or null.
NO_TEXTS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
# Categories of characters that are invisible, or that change the direction of the text.
_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def sanitize(text: str, *, keep: str = "") -> str:
    """Return a text with a space for each control or invisible character that is not in `keep`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in _INVISIBLE else " "
        for char in text
    )


def shell_word(text: object) -> str:
    """Return a text as one word of a shell command, or PLACEHOLDER if it is no safe name.

    A text that is empty, long or not printable, or that begins with "-", is no safe name. Quotes
    would protect the shell, but not a person who reads the command before pasting it.
    """
    word = str(text)
    if not word or len(word) > _LONGEST or word.startswith("-") or sanitize(word) != word:
        return PLACEHOLDER
    return shlex.quote(word)


def yaml_word(text: object) -> str:
    """Return a text as one YAML scalar, in quotes unless it looks like a plain name."""
    word = sanitize(str(text))
    plain = _NAME.fullmatch(word) and word.lower() not in NO_TEXTS
    return word if plain else json.dumps(word, ensure_ascii=False)


def sentence(text: str) -> str:
    """Return the guard's advice on one line, cut to 1000 characters; "" stays "".

    Anything but a plain sentence is quoted, because it stands where people expect a command to
    paste.
    """
    flat = " ".join(sanitize(text).split())[:_LINE]
    if not flat or _SENTENCE.fullmatch(flat):
        return flat
    return f"the guard says: {json.dumps(flat, ensure_ascii=False)}"
