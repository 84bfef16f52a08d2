"""The options of test folders that have a short form for CI and write tables in docs/."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def add_options(parser: pytest.Parser, small: str, pages: str) -> None:
    """Add --matrix, whose short form is `small`, and --write-docs, which writes `pages`.

    Under scripts/mutants.py the short form is the default.
    """
    default = "small" if "MUTANT" in os.environ else "full"
    parser.addoption("--matrix", choices=["full", "small"], default=default, help=f"small: {small}")
    parser.addoption("--write-docs", action="store_true", help=f"write {pages} again")


def is_small(config: pytest.Config) -> bool:
    """Tell whether the short form is selected."""
    return bool(config.getoption("matrix") == "small")
