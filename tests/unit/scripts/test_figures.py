"""The tables of measured figures agree with docs/figures.json."""

from __future__ import annotations

import json
import shutil

import pytest

import figures
from pins import ROOT


@pytest.fixture
def pages(tmp_path):
    """Return a folder with copies of the pages and the figures."""
    (tmp_path / "docs").mkdir()
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "docs" / "figures.json"):
        shutil.copy(page, tmp_path / page.relative_to(ROOT))
    return tmp_path


def test_as_committed(pages):
    """The committed pages agree with the file."""
    assert figures.write(pages, check=True) == []


@pytest.mark.parametrize("page", ["README.md", "docs/measurements.md"])
def test_a_page_edited_by_hand(pages, page):
    """A page edited by hand is reported and restored."""
    text = (pages / page).read_text()
    row = next(line for line in text.splitlines() if line.startswith("| CPU of a warm turn"))
    (pages / page).write_text(text.replace(row, row.replace("ms", "us")))
    assert figures.write(pages, check=True) == [page]
    assert figures.write(pages) == [page]
    assert (pages / page).read_text() == text


def test_the_file_edited_by_hand(pages):
    """After a change of the file each page with such a table is reported."""
    told = figures.load(pages)
    told["turns"]["rows"]["turn-cpu"]["ours"] *= 2
    (pages / "docs" / "figures.json").write_text(json.dumps(told))
    assert {"README.md", "docs/measurements.md"} <= {*figures.write(pages, check=True)}


def test_a_bench_replaces_its_own_section(pages):
    """A bench replaces its own section, and keeps the others with their date and commit."""
    before = figures.load(pages)
    row = figures.Row("CPU of a warm turn, bridge / HTTP", 1.23456, 24.6912, "ms")
    figures.record("turns", "a command", {"turn-cpu": row, "turn-rate": row, "wire": row}, pages)
    now = figures.load(pages)
    assert {**now, "turns": None} == {**before, "turns": None}
    assert now["turns"]["command"] == "a command"
    assert {"date", "commit", "cores", "system", "load"} <= {*now["turns"]}
    assert "| 1.23 ms | 24.7 ms | 0.050 |" in (pages / "docs" / "measurements.md").read_text()


def test_a_row_that_is_not_there(pages):
    """A page with an unknown row is an error."""
    (pages / "docs" / "a.md").write_text("<!-- figures: no-such-row -->\n<!-- figures end -->\n")
    with pytest.raises(KeyError):
        figures.write(pages, check=True)
