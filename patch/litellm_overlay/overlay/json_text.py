"""Data as JSON on one line, such as any reader of YAML reads alike. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

OURS = 1  # spaces behind a bracket that mark a key as added by us, see `splice`
_BEYOND_ASCII = re.compile("[\x7f-\uffff]")  # further characters would need two halves
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:[./][A-Za-z0-9-]+)*", re.ASCII)
_NO_TEXTS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def to_json(value: object) -> str:
    """Return JSON in which every character may stand in YAML as well, and on a terminal."""
    return _BEYOND_ASCII.sub(_seen, json.dumps(value, ensure_ascii=False))


def to_word(value: object) -> str:
    """Return a name as it is, where every reader of YAML takes it for a text; else as JSON."""
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NO_TEXTS:
        return value
    return to_json(value)


def _seen(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else f"\\u{ord(match[0]):04x}"


def filled(value: list[Any] | dict[str, Any], mark: int) -> str:
    """Return JSON with spaces behind its bracket; a mapping in it has a key that is ours."""
    text = to_json(value)
    if isinstance(value, dict):
        pairs = (
            f"{to_json(key)}: {filled(each, OURS) if isinstance(each, dict) else to_json(each)}"
            for key, each in value.items()
        )
        text = f"{{{', '.join(pairs)}}}"
    return f"{text[0]}{' ' * mark}{text[1:]}"
