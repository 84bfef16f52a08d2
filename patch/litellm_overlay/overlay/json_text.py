"""Format data as JSON on one line that all YAML parsers read alike. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from litellm_overlay.printed import NO_TEXTS

OURS = 1  # spaces behind a bracket that mark a key as added by us, see `splice`
_BEYOND_ASCII = re.compile("[\x7f-\uffff]")  # \u of further characters needs a surrogate pair
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:[./][A-Za-z0-9-]+)*", re.ASCII)


def to_json(value: object) -> str:
    """Return JSON that is valid YAML as well, and safe to print on a terminal."""
    return _BEYOND_ASCII.sub(_seen, json.dumps(value, ensure_ascii=False))


def to_word(value: object) -> str:
    """Return a name unquoted if every YAML parser reads it as a text, else as JSON."""
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in NO_TEXTS:
        return value
    return to_json(value)


def _seen(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else f"\\u{ord(match[0]):04x}"


def filled(value: list[Any] | dict[str, Any], mark: int) -> str:
    """Return JSON with `mark` spaces behind its bracket.

    Mappings directly below a mapping get OURS spaces, since their keys are ours.
    """
    text = to_json(value)
    if isinstance(value, dict):
        pairs = (
            f"{to_json(key)}: {filled(each, OURS) if isinstance(each, dict) else to_json(each)}"
            for key, each in value.items()
        )
        text = f"{{{', '.join(pairs)}}}"
    return f"{text[0]}{' ' * mark}{text[1:]}"
