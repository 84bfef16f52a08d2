"""Where the files beside the code are: below this package in a wheel, in the checkout otherwise."""

from __future__ import annotations

from pathlib import Path


def root(name: str) -> Path:
    """Return the folder `name` ("manifests") of the distribution."""
    here = Path(__file__).parent
    shipped = here / "_data" / name
    return shipped if shipped.is_dir() else here.parents[1] / name
