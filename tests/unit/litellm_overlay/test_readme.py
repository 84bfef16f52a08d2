"""The README's "It does not work" is true to what the code prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fakes import readme
from litellm_overlay import cli

ROOT = Path(__file__).parents[3]
CHECKS = "".join(path.read_text() for path in (ROOT / "patch/litellm_overlay/checks").glob("*.py"))
SAYS = "".join(
    (ROOT / "patch" / path).read_text()
    for path in (
        "litellm_overlay/diagnosis.py",
        "endpoint_patch/__main__.py",
        "endpoint_patch/guard.py",
    )
)
TOPICS = set().union(*map(readme.topics, readme.ROWS.values()))
QUOTES = set().union(*map(readme.quotes, readme.ROWS.values()))
STORIES = "".join(path.read_text() for path in (ROOT / "tests/e2e").glob("test_25_*.py"))


def test_there_is_something_to_compare():
    """Else the other tests would pass an empty page."""
    assert len(readme.ROWS) > 10
    assert len(TOPICS) > 10
    assert len(QUOTES) > 5


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_topics_are_doctors(topic):
    """Each word in code type that looks like a topic is one."""
    assert f'"{topic}"' in CHECKS


@pytest.mark.parametrize("quote", sorted(QUOTES))
def test_quotations_are_verbatim(quote):
    """But for the status, which the code fills in."""
    assert re.search(re.escape(quote).replace("403", r"\{\w+\}"), SAYS)


@pytest.mark.parametrize("symptom", readme.ROWS)
def test_each_row_is_followed_on_the_cluster(symptom):
    """By a story, which holds all that the row quotes to what is printed there."""
    assert f'.row("{symptom}")' in STORIES


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_is_in_the_list(verb):
    """Of the section "The verbs", or `demo` and `render`, which have their own."""
    assert f"litellm-overlay {verb}" in readme.README or f"make {verb}" in readme.README
