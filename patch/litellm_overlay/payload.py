"""The files of `endpoint_patch` that the pod gets for one patch version, and their digest."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.abc import Traversable

PACKAGE = "endpoint_patch"
VERSIONS = f"{PACKAGE}/versions/"


def files(version: str) -> dict[str, bytes]:
    """Return path -> content, "endpoint_patch/…", without the other patch versions' folders."""
    own = f"{VERSIONS}v{version.replace('.', '_')}/"
    found = dict(sorted(_walk(resources.files(PACKAGE), PACKAGE)))
    if f"{own}__init__.py" not in found:
        raise NotInCatalogueError(f"there is no patch version {version} in this package")
    return {path: content for path, content in found.items() if _belongs(path, own)}


def digest(version: str) -> str:
    """Return the sha256 over all files by path: path, NUL, size in bytes, NUL, content."""
    hash_ = hashlib.sha256()
    for path, content in files(version).items():
        hash_.update(b"%s\0%d\0%s" % (path.encode(), len(content), content))
    return hash_.hexdigest()


def _belongs(path: str, own: str) -> bool:
    """Say whether a file is shared or of this version; versions/__init__.py is shared."""
    in_a_version = "/" in path.removeprefix(VERSIONS) and path.startswith(VERSIONS)
    return path.startswith(own) or not in_a_version


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        name = f"{path}/{item.name}"
        if item.is_file() and not item.name.endswith(".pyc"):
            yield name, item.read_bytes()
        elif item.is_dir() and item.name != "__pycache__":
            yield from _walk(item, name)
