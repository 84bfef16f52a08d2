"""What the tests install by version: `[tool.litellm-overlay.pins]` of pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PINS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["litellm-overlay"]["pins"]
