"""The versions that scripts and tests install: `[tool.litellm-overlay.pins]` of pyproject.toml.

Only this module reads them, and the Makefile, which needs uv's version before it has a Python.
"""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PINS = PYPROJECT["tool"]["litellm-overlay"]["pins"]
