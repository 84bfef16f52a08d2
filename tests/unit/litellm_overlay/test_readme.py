"""The README is short, and lists the verbs that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from litellm_overlay import cli

README = (Path(__file__).parents[3] / "README.md").read_text()


def test_it_is_short():
    """The README has at most 130 lines of 120 columns."""
    lines = README.splitlines()
    assert len(lines) <= 130
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_is_in_the_list(verb):
    """The README has every verb, or its `make` target."""
    assert f"litellm-overlay {verb}" in README or f"make {verb}" in README
