"""Rules for the guard's own source."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import endpoint_patch

ROOT = Path(endpoint_patch.__file__).parent
MODULES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text())
    for path in sorted(ROOT.rglob("*.py"))
    if "inserted" not in path.parts
}
WRITES = {
    *("write_text", "write_bytes", "mkstemp", "NamedTemporaryFile", "replace", "rename"),
    *("unlink", "mkdir", "rmdir", "fchmod", "chmod", "symlink_to", "hardlink_to", "fdopen"),
}
PURE = ("edits.py", "syntax.py", "postconditions.py", "decision.py", "report.py", "plan.py")


def imported(tree: ast.Module) -> set[str]:
    """Return the full names of the imported modules."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("name", MODULES)
def test_standard_library_only(name: str) -> None:
    """The guard imports only the standard library, since an image may have nothing else."""
    packages = {module.partition(".")[0] for module in imported(MODULES[name])}
    assert packages - sys.stdlib_module_names - {"endpoint_patch"} == set()


@pytest.mark.parametrize("name", MODULES)
def test_only_install_writes(name: str) -> None:
    """Only the module `install` writes files, so that one module decides about partial files."""
    writes = {
        ast.unparse(node.func)
        for node in ast.walk(MODULES[name])
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
        # str.replace takes two arguments, Path.replace one.
        and not (node.func.attr == "replace" and len(node.args) == 2)
    }
    assert bool(writes) is (name == "install.py")


@pytest.mark.parametrize("name", PURE)
def test_the_core_is_pure(name: str) -> None:
    """Decision and edit use no file, process or clock."""
    assert imported(MODULES[name]).isdisjoint({"os", "sys", "subprocess", "tempfile", "time"})


def test_no_module_hides_one_of_the_standard_library() -> None:
    """No module has a standard library's name: the program's folder is first on the path."""
    assert {Path(name).parts[0].removesuffix(".py") for name in MODULES}.isdisjoint(
        sys.stdlib_module_names
    )


def test_the_inserted_text_is_never_imported() -> None:
    """The guard never imports the inserted code, which needs FastAPI."""
    assert not [name for name, tree in MODULES.items() if "inserted" in str(imported(tree))]
