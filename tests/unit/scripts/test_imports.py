"""Scripts do not depend on the tests, and one file reads the pins."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
# What `pythonpath` lets a test import: folders and modules of tests/.
OF_TESTS = {"tests", *(path.stem for path in (ROOT / "tests").iterdir())}


def imported(path):
    """Return the top-level names that a file imports anywhere."""
    results = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            results |= {item.name for item in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            results.add(node.module)
    return {name.partition(".")[0] for name in results}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_imports_nothing_from_tests(path):
    """A script imports nothing from tests."""
    assert imported(path) & OF_TESTS == set()


def test_make_gives_no_script_the_tests():
    """The Makefile sets no PYTHONPATH for scripts."""
    assert "PYTHONPATH" not in (ROOT / "Makefile").read_text()


def test_pins_are_read_in_one_place():
    """One file reads pyproject.toml."""
    files = [path for top in ("patch", "scripts", "tests") for path in (ROOT / top).rglob("*.py")]
    results = {
        str(path.relative_to(ROOT))
        for path in files
        if imported(path) & {"tomllib", "tomli"} and '"pyproject.toml"' in path.read_text()
    }
    assert results == {"scripts/pins.py"}
