"""Find data folders: below this package in a wheel, at the repository's root in a checkout."""

from __future__ import annotations

from pathlib import Path


def root(name: str) -> Path:
    """Return the path of the data folder `name`, such as "manifests"."""
    here = Path(__file__).parent
    shipped = here / "_data" / name
    return shipped if shipped.is_dir() else here.parents[1] / name
