"""The ConfigMap of each patch version: its name, and its files as items. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_overlay.catalogue.patch_files import digest, files, proof, version_key
from litellm_overlay.names import PAYLOAD_LABELS, payload_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_overlay.catalogue.releases import Catalogue


@dataclass(frozen=True, slots=True)
class Item:
    """One payload file: a ConfigMap's key, the path it gets below the mount, and its text."""

    key: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Payload:
    """A patch version's ConfigMap. Its name contains its hash, so its content never changes.

    `proof` is the init container's command, which checks the mounted files against `digest`.
    """

    name: str
    version: str
    digest: str
    items: tuple[Item, ...]
    proof: str
    labels: Mapping[str, str]


def payloads(name: str, catalogue: Catalogue) -> tuple[Payload, ...]:
    """Return the ConfigMap of every patch version, oldest first."""
    return tuple(
        _payload(name, version) for version in sorted(catalogue.patch_versions, key=version_key)
    )


def _payload(name: str, version: str) -> Payload:
    hash_ = digest(version)
    items = [
        Item(path.replace("/", "."), path, content.decode())
        for path, content in files(version).items()
    ]
    if len({item.key for item in items}) != len(items):
        raise ValueError(f"two files of the payload {version} have the same ConfigMap key")
    labels = {**PAYLOAD_LABELS, "app.kubernetes.io/version": version}
    name = payload_name(name, version, hash_)
    return Payload(name, version, hash_, tuple(items), proof(version), labels)
