"""docs/troubleshooting.md agrees with the code's messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import troubleshooting

ROOT = Path(__file__).parents[3]
CHECKS = "".join(path.read_text() for path in (ROOT / "patch/litellm_overlay/checks").glob("*.py"))
SAYS = "".join(
    (ROOT / "patch" / path).read_text()
    for path in (
        "litellm_overlay/responses/diagnosis.py",
        "endpoint_patch/__main__.py",
        "endpoint_patch/compromised.py",
        "endpoint_patch/decision.py",
    )
)
TOPICS = set().union(*map(troubleshooting.topics, troubleshooting.ROWS.values()))
QUOTES = set().union(*map(troubleshooting.quotes, troubleshooting.ROWS.values()))
STORIES = "".join(path.read_text() for path in (ROOT / "tests/e2e").glob("test_25_*.py"))


def test_there_is_something_to_compare():
    """The page has rows, topics and quotations."""
    assert len(troubleshooting.ROWS) > 10
    assert len(TOPICS) > 10
    assert len(QUOTES) > 5


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_topics_are_doctors(topic):
    """Each word that looks like a topic is one."""
    assert f'"{topic}"' in CHECKS


@pytest.mark.parametrize("quote", sorted(QUOTES))
def test_quotations_are_verbatim(quote):
    """Each quotation is in the code, apart from the status in it."""
    assert re.search(re.escape(quote).replace("403", r"\{\w+\}"), SAYS)


@pytest.mark.parametrize("symptom", troubleshooting.ROWS)
def test_each_row_is_followed_on_the_cluster(symptom):
    """A story on the cluster follows each row."""
    assert f'.row("{symptom}")' in STORIES
