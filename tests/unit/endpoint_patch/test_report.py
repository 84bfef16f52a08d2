"""The two forms of the report."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from endpoint_patch import report


def test_file() -> None:
    """report.json has every key in a readable order, with null for unknown values."""
    text = report.as_file({**report.blank(), "decision": "refused"}).decode()
    assert json.loads(text) == {**dict.fromkeys(report.blank()), "decision": "refused"}
    assert text.startswith('{\n  "decision": "refused",')
    assert text.endswith("}\n")


def test_a_short_report_is_not_shortened() -> None:
    """A short report is the same in the termination message."""
    facts = {**report.blank(), "message": "Patched.", "milliseconds": 7}
    line = report.as_termination_message(facts)
    assert json.loads(line) == facts
    assert b"\n" not in line


@given(st.dictionaries(st.sampled_from(list(report.blank())), st.text(max_size=5000)))
def test_termination_message_fits(texts: dict[str, str]) -> None:
    """The termination message is one line of valid JSON of at most 4096 bytes."""
    line = report.as_termination_message({**report.blank(), **texts})
    assert len(line) <= 4096
    assert b"\n" not in line
    assert set(json.loads(line)) == set(report.blank())


@given(st.lists(st.text(max_size=300), max_size=200))
def test_a_long_list_tells_how_much_is_left_out(names: list[str]) -> None:
    """A long list is cut in the message, with the number of omitted entries."""
    listed = [{"name": name, "sha256": "a" * 64, "count": 1} for name in names]
    facts = {**report.blank(), "message": "Patched.", "executedPth": listed}
    line = report.as_termination_message(facts)
    assert len(line) <= 4096
    *kept, last = json.loads(line)["executedPth"] or [None]
    if last and "more" in last:
        assert listed[: len(kept)] == kept
        assert last == {"more": len(names) - len(kept)}
    assert json.loads(report.as_file(facts))["executedPth"] == listed


def test_only_long_texts_are_shortened() -> None:
    """Only long texts are cut; hashes stay."""
    facts = {**report.blank(), "message": "é" * 9000, "stockSha256": "a" * 64}
    short = json.loads(report.as_termination_message(facts))
    assert short["stockSha256"] == "a" * 64
    assert short["message"].endswith("é…")
