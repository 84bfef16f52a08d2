"""Rules for names and docstrings of packages. `make contracts` checks the imports."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from litellm_overlay.cli import VERBS
from pins import PYPROJECT

ROOT = Path(__file__).parents[3]
PATCH = ROOT / "patch"
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
(PURE,) = (item["source_modules"] for item in CONTRACTS if item["name"].startswith("What decides"))
CODE = [path for path in PATCH.rglob("*.py") if "payloads" not in path.parts]  # names that are data
# Patch versions are independent, so two of them repeat names.
FILES = sorted(path for path in CODE if not re.search(r"/versions/v\d", path.as_posix()))
LIMIT = 300  # lines
ALL = sorted(
    [*CODE, *(path for top in ("scripts", "tests") for path in (ROOT / top).rglob("*.py"))]
)


def dotted(path):
    return ".".join(path.relative_to(PATCH).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if "litellm_overlay" in path.parts],
    ids=dotted,
)
def test_what_is_called_pure_is_held_to_it(path):
    """A module's docstring says "pure" exactly where the contract for purity applies."""
    text = (ast.get_docstring(ast.parse(path.read_text())) or "").split()
    held = any(f"{dotted(path)}.".startswith(f"{module}.") for module in PURE)
    assert held or "Pure." not in text


def test_each_verb_is_held_apart_from_the_others():
    """Every verb is in the contract that separates verbs."""
    (modules,) = (item["modules"] for item in CONTRACTS if item["name"].startswith("Verbs"))
    verbs = {f"litellm_overlay.commands.{verb.replace('-', '_')}" for verb in VERBS}
    assert set(modules) == verbs


def test_no_two_public_classes_share_a_name():
    """No two public classes have the same name."""
    names = Counter(
        node.name
        for path in FILES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, number in names.items() if number > 1] == []


def test_no_two_modules_of_one_room_share_a_name():
    """No two modules of a package share a name, also as folder or plural."""
    names = Counter((path.parent, path.stem.removesuffix("s")) for path in FILES)
    folders = Counter(
        (path.parent.parent, path.parent.name.removesuffix("s"))
        for path in FILES
        if path.stem == "__init__" and path.parent.parent != PATCH
    )
    assert [name for name, number in (names + folders).items() if number > 1] == []


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_long_file_says_why(path):
    """A file over 300 lines gives the reason in its docstring, with the words "300 lines"."""
    text = path.read_text()
    if text.count("\n") > LIMIT:
        assert f"{LIMIT} lines" in (ast.get_docstring(ast.parse(text)) or "")
