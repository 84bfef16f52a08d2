"""The patch versions of this payload: complete, and fit to be joined into one text."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from endpoint_patch import edits, syntax, versions
from endpoint_patch.errors import PatchVersionMissingError
from endpoint_patch.postconditions import verify
from fakes.endpoint_module import SETTINGS, STOCK

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(versions.__file__).parent
FOLDERS = sorted(path.parent.name for path in ROOT.glob("v*/__init__.py"))
PARTS = [
    pytest.param(folder, name, id=f"{folder}/{name}")
    for folder in FOLDERS
    for name in import_module(f"endpoint_patch.versions.{folder}").PARTS
]


def package(folder: str) -> ModuleType:
    """Return the package of a patch version."""
    return import_module(f"endpoint_patch.versions.{folder}")


def trees(folder: str) -> dict[str, ast.Module]:
    """Return {module name: syntax tree} of the parts, in order."""
    return {
        name.removesuffix(".py"): syntax.parse((ROOT / folder / "inserted" / name).read_bytes())
        for name in package(folder).PARTS
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_whole(folder: str) -> None:
    """A folder is named after its version, and PARTS lists exactly the modules in `inserted`."""
    version = versions.load(folder[1:].replace("_", "."))
    assert f"v{version.version.replace('.', '_')}" == folder
    files = {path.name for path in (ROOT / folder / "inserted").glob("*.py")} - {"__init__.py"}
    assert sorted(package(folder).PARTS) == sorted(files)


@pytest.mark.parametrize(("folder", "name"), PARTS)
def test_a_part_refers_to_earlier_parts_only(folder: str, name: str) -> None:
    """A part's relative imports are top-level and name earlier parts, without renaming."""
    parts = trees(folder)
    stem = name.removesuffix(".py")
    earlier = list(parts)[: list(parts).index(stem)]
    for node in ast.walk(parts[stem]):
        if not syntax.is_relative_import(node):
            continue
        assert isinstance(node, ast.ImportFrom)
        assert node in parts[stem].body
        assert (node.level, node.module) in [(1, other) for other in earlier]
        for alias in node.names:
            assert alias.asname is None
            assert alias.name in syntax.module_names(parts[str(node.module)])


def imports(tree: ast.Module) -> dict[str, str]:
    """Return {name: meaning} of the top-level absolute imports."""
    nodes = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {
        alias.asname or alias.name.partition(".")[0]: f"{getattr(node, 'module', '')}:{alias.name}"
        for node in nodes
        for alias in node.names
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_indented_the_parts_say_the_same(folder: str) -> None:
    """Parts have no multi-line strings except docstrings, so they can be indented."""
    for tree in trees(folder).values():
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in docs:
                assert node.lineno == node.end_lineno or "\n" not in str(getattr(node, "value", ""))


@pytest.mark.parametrize("folder", FOLDERS)
def test_parts_do_not_overwrite_each_other(folder: str) -> None:
    """A name that two parts bind is the same import in both."""
    seen: dict[str, tuple[str, object]] = {}
    for stem, tree in trees(folder).items():
        tree.body = [node for node in tree.body if not syntax.is_relative_import(node)]
        for name in syntax.module_names(tree):
            meaning = imports(tree).get(name)
            first, known = seen.setdefault(name, (stem, meaning))
            assert first == stem or (meaning is not None and meaning == known), name


@pytest.mark.parametrize("folder", FOLDERS)
def test_fits_a_module_of_the_right_shape(folder: str) -> None:
    """A module patched with the version meets every post-condition."""
    version = versions.load(folder[1:].replace("_", "."))
    verify(STOCK, edits.patch(STOCK, version, SETTINGS, "1.88.6"), version)


@pytest.mark.parametrize("version", ["0.0.1", "9.9.9"])
def test_a_version_that_is_not_here(version: str) -> None:
    """A version that the payload does not have is refused by name."""
    with pytest.raises(PatchVersionMissingError, match=version) as refusal:
        versions.load(version)
    assert refusal.value.exit_code == 19


def test_a_version_that_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version with a missing part is refused."""
    monkeypatch.setattr(package(FOLDERS[0]), "PARTS", ("no_such_part.py",))
    with pytest.raises(PatchVersionMissingError, match="no_such_part"):
        versions.load(package(FOLDERS[0]).VERSION)
