"""scripts/catalogue_files.py: the guard's table comes of the catalogue, and nothing else is lost."""

from __future__ import annotations

import json

import catalogue_files


def test_the_committed_table_is_the_one_that_the_script_writes(tmp_path):
    """To the byte: so nobody has to keep it by hand, and a diff shows what is new."""
    table = tmp_path / "stock_files.json"
    table.write_bytes(catalogue_files.STOCK_FILES.read_bytes())
    rows = json.loads(catalogue_files.CATALOGUE.read_text())["releases"]
    catalogue_files.write_stock_files(table, rows)
    assert table.read_bytes() == catalogue_files.STOCK_FILES.read_bytes()


def test_the_committed_catalogue_is_written_as_it_stands(tmp_path):
    """Reading and writing it changes no byte."""
    path = tmp_path / "catalogue.json"
    catalogue_files.write(path, json.loads(catalogue_files.CATALOGUE.read_text()))
    assert path.read_bytes() == catalogue_files.CATALOGUE.read_bytes()
