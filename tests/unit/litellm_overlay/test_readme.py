"""The README stays a front door: short, and true to the verbs that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from litellm_overlay import cli

README = (Path(__file__).parents[3] / "README.md").read_text()


def test_it_is_short():
    """At most 130 lines, none over 120 columns: details stand in docs/."""
    lines = README.splitlines()
    assert len(lines) <= 130
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_is_in_the_list(verb):
    """Or `make` calls it, as it does `demo`."""
    assert f"litellm-overlay {verb}" in README or f"make {verb}" in README
