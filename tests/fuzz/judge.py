"""Faults in a verb's output, whatever its input was."""

from __future__ import annotations

import json
import re
import unicodedata

import yaml

CODES = {0, 1, 2, 3, 4, 5}
_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co"}
# The beginning of a command; the text before it on the line is a sentence.
_COMMAND = re.compile(
    r"\b(?:litellm-overlay [a-z]|kubectl [a-z-]|helm [a-z]|docker [a-z]|iconv -|echo [^ ])"
)
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\$`]|\\.)*\"|\\.")
# One word for a shell that no program takes for an option.
_PLAIN = re.compile(r"(?!-)[\w@%+=:,./!-]{1,300}", re.ASCII)


def faults(code, said, told, *, own_text=False, data=False):
    """Yield a sentence per fault of an exit code, stdout `said` and stderr `told`.

    With `own_text` stdout is the edited input and is not checked; with `data` it is YAML or JSON.
    """
    if code not in CODES:
        yield f"exit code {code!r}"
    if "Traceback" in said + told:
        yield "a traceback"
    last = told.rstrip("\n").rpartition("\n")[2]
    if code and not last.startswith(("error: ", "hint: ")):
        yield f"exit code {code}, and the last line is {last[:80]!r}"
    for text in (told,) if own_text else (told, said):
        yield from _unseen(text)
        if data and text is said:
            yield from _in_data(said)
            continue
        for line in text.split("\n"):
            if line.lstrip().startswith("planted-line"):
                yield f"a line of somebody else's: {line[:80]!r}"
            yield from _pasted(line)


def _unseen(text):
    seen = text.replace("\n", "")
    if not (seen.isascii() and seen.isprintable()):
        bad = {char for char in seen if unicodedata.category(char) in _UNSEEN}
        if bad:
            yield f"raw {sorted(bad)!r}"


def _in_data(said):
    """Yield the faults of each text in YAML or JSON, whose own quotes do not count."""
    try:
        level = [_read(said)]
    except (ValueError, yaml.YAMLError) as error:
        yield f"not to be read: {error!s:.200}"
        return
    while level:
        each = level.pop()
        if isinstance(each, str):
            for line in each.split("\n"):
                yield from _pasted(line)
        elif isinstance(each, (dict, list)):
            level += each.values() if isinstance(each, dict) else each


def _read(said):
    if said[:1] in {"[", "{"}:
        return json.loads(said)
    return yaml.load(said, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _pasted(line):
    if "planted" in line and (command := _COMMAND.search(line)):
        left = _QUOTED.sub("''", line[command.start() :])
        words = [each for each in left.split() if "planted" in each]
        if not all(_PLAIN.fullmatch(each.rstrip(".,;:)")) for each in words):
            yield f"not in quotes, in a command: {line[command.start() :][:200]!r}"
