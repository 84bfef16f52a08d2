"""scripts/catalogue_files.py writes the guard's table from the catalogue, without loss."""

from __future__ import annotations

import json

import catalogue_files


def test_the_committed_table_is_the_one_that_the_script_writes(tmp_path):
    """The committed table equals the script's output."""
    table = tmp_path / "stock_files.json"
    table.write_bytes(catalogue_files.STOCK_FILES.read_bytes())
    rows = json.loads(catalogue_files.CATALOGUE.read_text())["releases"]
    catalogue_files.write_stock_files(table, rows)
    assert table.read_bytes() == catalogue_files.STOCK_FILES.read_bytes()


def test_the_committed_catalogue_is_written_as_it_stands(tmp_path):
    """Writing the committed catalogue changes no byte."""
    path = tmp_path / "catalogue.json"
    catalogue_files.write(path, json.loads(catalogue_files.CATALOGUE.read_text()))
    assert path.read_bytes() == catalogue_files.CATALOGUE.read_bytes()
