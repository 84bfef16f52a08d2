"""The README's "It does not work" is true to what the code prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from litellm_overlay import cli

ROOT = Path(__file__).parents[3]
SECTION = (
    (ROOT / "README.md").read_text().partition("## It does not work\n")[2].partition("\n## ")[0]
)
ROWS = [line for line in SECTION.splitlines() if line.startswith("| ")][2:]
CHECKS = "".join(path.read_text() for path in (ROOT / "patch/litellm_overlay/checks").glob("*.py"))
SAYS = "".join(
    (ROOT / "patch" / path).read_text()
    for path in (
        "litellm_overlay/diagnosis.py",
        "endpoint_patch/__main__.py",
        "endpoint_patch/guard.py",
    )
)
TOPICS = {name for row in ROWS for name in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", row)}
QUOTES = {quote for row in ROWS for quote in re.findall(r'"([^"]+)"', row)}


def test_there_is_something_to_compare():
    """Else the other tests would pass an empty page."""
    assert len(ROWS) > 10
    assert len(TOPICS) > 10
    assert len(QUOTES) > 5


@pytest.mark.parametrize("topic", sorted(TOPICS - {"litellm-overlay"}))
def test_topics_are_doctors(topic):
    """Each word in code type that looks like a topic is one."""
    assert f'"{topic}"' in CHECKS


@pytest.mark.parametrize("quote", sorted(QUOTES))
def test_quotations_are_verbatim(quote):
    """But for the status, which the code fills in."""
    assert re.search(re.escape(quote).replace("403", r"\{\w+\}"), SAYS)


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_is_in_the_list(verb):
    """Of the section "The verbs", or `demo` and `render`, which have their own."""
    text = (ROOT / "README.md").read_text()
    assert f"litellm-overlay {verb}" in text or f"make {verb}" in text
