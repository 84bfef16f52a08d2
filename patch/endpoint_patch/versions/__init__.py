"""Patch versions: one folder each, whole in itself, never changed once released."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib import resources

from endpoint_patch.errors import PatchVersionMissingError


@dataclass(frozen=True, slots=True)
class PatchVersion:
    """A patch version: the texts that enter the stock module, in order, and what attaches them.

    `on_fixed` says whether it may be asked for where upstream has fixed the handshake.
    """

    version: str
    attach: str
    parts: tuple[bytes, ...]
    on_fixed: bool = True


def load(version: str) -> PatchVersion:
    """Return a patch version of this payload; its parts are read, never imported."""
    package = f"{__name__}.v{version.replace('.', '_')}"
    try:
        module = importlib.import_module(package)
        folder = resources.files(package).joinpath("inserted")
        parts = tuple(folder.joinpath(name).read_bytes() for name in module.PARTS)
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise PatchVersionMissingError(
            f"Patch version {version} is not, or not wholly, in this payload: {error}."
        ) from error
    return PatchVersion(module.VERSION, module.ATTACH, parts, module.ON_FIXED)
