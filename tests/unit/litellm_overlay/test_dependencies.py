"""The wheel's requirements are what the toolkit imports."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

from pins import PYPROJECT

TOOLKIT = Path(__file__).parents[3] / "patch" / "litellm_overlay"
OURS = {"endpoint_patch", "litellm_overlay"}
# LiteLLM's own Python runs these files.
FOREIGN = ("mock_provider.py", "mock_certificates.py")


def imported():
    """Return the top-level names of the foreign imports."""
    results = set()
    for path in TOOLKIT.rglob("*.py"):
        for node in () if path.name in FOREIGN else ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                results |= {item.name for item in node.names}
            elif isinstance(node, ast.ImportFrom):
                results.add(node.module)
    return {name.partition(".")[0] for name in results} - set(sys.stdlib_module_names) - OURS


def test_each_import_is_declared_and_each_declaration_imported():
    """Every imported package is declared, and every declared one imported."""
    of = packages_distributions()
    wanted = {name.lower() for top in imported() for name in set(of[top])}
    declared = {Requirement(line).name.lower() for line in PYPROJECT["project"]["dependencies"]}
    assert wanted == declared
