"""The payload of a patch version: its files, its digest and the program that checks it. Pure.

A released version is frozen data in `patch/payloads/<version>/`. A version that is not yet released
consists of the current files of `endpoint_patch`.
"""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING

from litellm_overlay._resources import root
from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.abc import Traversable
    from pathlib import Path

PACKAGE = "endpoint_patch"
VERSIONS = f"{PACKAGE}/versions/"
PROOF = "prove.py"
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)


def files(version: str) -> dict[str, bytes]:
    """Return path -> content of a version's payload, sorted by path.

    Paths begin with "endpoint_patch/". Raises NotInCatalogueError for an unknown version.
    """
    if version in released():
        return dict(sorted(_walk(released_folder() / version / PACKAGE, PACKAGE)))
    return current_files(version)


def current_files(version: str) -> dict[str, bytes]:
    """Return the payload that the current `endpoint_patch` gives, even for a released version.

    The folders of other patch versions are left out. Raises NotInCatalogueError as `files` does.
    """
    own = folder(version)
    files_by_path = dict(sorted(_walk(resources.files(PACKAGE), PACKAGE)))
    if not _VERSION.fullmatch(version) or f"{own}__init__.py" not in files_by_path:
        raise NotInCatalogueError(f"there is no patch version {version} in this package")
    return {path: content for path, content in files_by_path.items() if _belongs(path, own)}


def digest(version: str) -> str:
    """Return the sha256 of a patch version's payload."""
    return digest_of(files(version))


def digest_of(payload: Mapping[str, bytes]) -> str:
    """Return the sha256 of a payload, in hexadecimal.

    It hashes, for each file in order of path: path, NUL, size in bytes, NUL, content.
    """
    hash_ = hashlib.sha256()
    for path, content in sorted(payload.items()):
        hash_.update(b"%s\0%d\0%s" % (path.encode(), len(content), content))
    return hash_.hexdigest()


def proof(version: str) -> str:
    """Return the init container's program, which checks the payload before it runs it.

    The pod template contains it, so it is released with the version, too.
    """
    folder = released_folder() / version if version in released() else root("manifests")
    return (folder / PROOF).read_text("utf-8")


def released() -> tuple[str, ...]:
    """Return the released versions, oldest first."""
    versions = (item.name for item in released_folder().iterdir() if _VERSION.fullmatch(item.name))
    return tuple(sorted(versions, key=version_key))


def released_folder() -> Path:
    """Return the folder that holds a folder for each released version."""
    return root("patch/payloads")


def folder(version: str) -> str:
    """Return the path of a version's own files, "endpoint_patch/versions/v2_0_0/"."""
    return f"{VERSIONS}v{version.replace('.', '_')}/"


def version_key(version: str) -> list[int]:
    """Return the sort key of a version: 1.10.0 comes after 1.9.0."""
    return [int(number) for number in re.findall(r"\d+", version)]


def _belongs(path: str, own: str) -> bool:
    """Tell whether a file is shared or belongs to this version; versions/__init__.py is shared."""
    in_a_version = "/" in path.removeprefix(VERSIONS) and path.startswith(VERSIONS)
    return path.startswith(own) or not in_a_version


def _walk(place: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for item in place.iterdir():
        name = f"{path}/{item.name}"
        if item.is_file() and not item.name.endswith(".pyc"):
            yield name, item.read_bytes()
        elif item.is_dir() and item.name != "__pycache__":
            yield from _walk(item, name)
