"""The tables of docs/database.md: written, read back, and compared with a run."""

from __future__ import annotations

from pins import PINS
from support import results


def seen():
    """Return one row of each table."""
    tables = {}
    results.note(tables, "1.2.3", "turns", "a row", {"websocket": "2 turns", "http": "429"})
    results.note(tables, "1.2.3", "codex", "a key", {"handshakes": "7 refused", "seconds": "9.9"})
    return tables


def test_what_is_written_is_read_again():
    """Reading restores what was written, with empty cells."""
    text = results.MARK + "\n" + results.render(seen(), "0.1.0")
    assert results.read(text) == seen()


def test_the_docs_are_as_a_run_writes_them():
    """The page equals the rendered text, and has every pinned release's tables."""
    text = results.DOCS.read_text("utf-8")
    told = results.read(text)
    assert text.partition(results.MARK)[2] == "\n" + results.render(told, PINS["codex"][-1])
    fixed = {(release, "turns") for release in PINS["litellm-database-fixed"]}
    both = {(release, table) for release in PINS["litellm-database"] for table in results.TABLES}
    assert told.keys() == fixed | both


def test_a_difference_is_told():
    """Changed and new rows are differences, in a whole run missing ones too; seconds are not."""
    run, docs = seen(), seen()
    run["1.2.3", "codex"]["a key"]["seconds"] = "1.0"
    assert results.differences(run, docs, whole=True) == []
    run["1.2.3", "turns"]["a row"]["http"] = "200"
    results.note(docs, "1.2.3", "turns", "another row", {})
    assert len(results.differences(run, docs, whole=False)) == 1
    assert len(results.differences(run, docs, whole=True)) == 2
    assert len(results.differences(run, {}, whole=False)) == 2
