"""What is known of every LiteLLM release, as frozen data. `catalogue.json` holds the facts.

Its `releases` are measured by scripts/map_releases.py, its digests by scripts/freeze_version.py;
advisories, gaps and module paths are written by hand, each with where it is from.
"""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
import json
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Mapping

STATES = ("no-endpoint", "affected", "handshake-fixed", "fixed", "malicious")
# Without these two hashes: a release that has no handler, and one that nobody can fetch any more.
WITHOUT_HANDLER = ("no-endpoint", "malicious")
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Advisory:
    """A published security problem of LiteLLM.

    `affected` is a PEP 440 specifier. `fixed_in` is the first release on the package index with the
    fix; its own pre-releases count as affected, since nobody said otherwise.
    """

    id: str
    aliases: tuple[str, ...]
    what: str
    affected: str
    fixed_in: str
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class Gap:
    """What a release still does wrong with Codex over WebSocket, and how that is known."""

    id: str
    what: str
    affected: str
    basis: str


@dataclass(frozen=True, slots=True)
class ModulePath:
    """Where endpoints.py lies in a family of images."""

    family: str
    path: str
    images: str
    basis: str


@dataclass(frozen=True, slots=True)
class PatchVersion:
    """A version of the patch; `digest` is the sha256 of its payload (see `payload`)."""

    version: str
    digest: str
    line: str
    summary: str


@dataclass(frozen=True, slots=True)
class Release:
    """A LiteLLM release on the package index; `uploaded` is "YYYY-MM-DD" (UTC).

    `handler_sha256` is that of the handler's source lines, from first decorator to last line.
    """

    version: str
    state: str
    uploaded: str
    requires_python: str | None
    endpoints_sha256: str | None
    handler_sha256: str | None
    yanked: str | None = None
    advisories: tuple[Advisory, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """All releases in PEP 440 order, and what is known of them."""

    releases: tuple[Release, ...]
    advisories: tuple[Advisory, ...]
    gaps: tuple[Gap, ...]
    module_paths: tuple[ModulePath, ...]
    patch_versions: Mapping[str, PatchVersion]
    default_patch_version: str

    @cached_property
    def _by_version(self) -> dict[Version, Release]:
        return {Version(release.version): release for release in self.releases}

    @property
    def newest_affected(self) -> str:
        """Return the affected release of the highest version."""
        return self.in_state("affected")[-1].version

    def in_state(self, *states: str) -> tuple[Release, ...]:
        """Return the releases in any of these states."""
        return tuple(release for release in self.releases if release.state in states)

    def release(self, version: str) -> Release:
        """Return a release by its version in any PEP 440 spelling, "v1.84.0-rc.1" too."""
        try:
            wanted = Version(version)
        except InvalidVersion:
            raise NotInCatalogueError(
                f"{version!r} is no version",
                hint=f"a version looks like {self.newest_affected} or 1.84.0rc1",
            ) from None
        if wanted in self._by_version:
            return self._by_version[wanted]
        raise NotInCatalogueError(f"LiteLLM {version} is not in the catalogue", self._why(wanted))

    def _why(self, wanted: Version) -> str:
        first, last = self.releases[0], self.releases[-1]
        if wanted > Version(last.version):
            return (
                f"the catalogue ends with {last.version} ({last.uploaded}), which is {last.state};"
                " update litellm-overlay, or look at the file itself: litellm-overlay diff FILE"
            )
        if wanted < Version(first.version):
            return f"the catalogue begins with {first.version}, which has no WebSocket endpoint"
        at = bisect.bisect(list(self._by_version), wanted)
        near = " and ".join(f"{r.version} ({r.state})" for r in self.releases[at - 1 : at + 1])
        return (
            f"the nearest are {near}; some images have no release on the package index, so look at"
            " the image's own file: litellm-overlay diff FILE"
        )


@lru_cache(maxsize=1)
def load() -> Catalogue:
    """Return the catalogue that this package carries."""
    return parse(resources.files("litellm_overlay").joinpath("catalogue.json").read_text("utf-8"))


def parse(text: str) -> Catalogue:
    """Return the catalogue in a JSON text; ValueError where it contradicts itself."""
    data: dict[str, Any] = json.loads(text)
    advisories = tuple(
        Advisory(**{**item, "aliases": tuple(item["aliases"])}) for item in data["advisories"]
    )
    gaps = tuple(Gap(**item) for item in data["gaps"])
    specifiers = {item.affected for item in advisories} | {item.affected for item in gaps}
    ranges = {affected: SpecifierSet(affected) for affected in specifiers}

    def release(row: dict[str, Any]) -> Release:
        version = Version(row["version"])
        hit = {affected for affected, range_ in ranges.items() if range_.contains(version, True)}
        return Release(
            **row,
            advisories=tuple(item for item in advisories if item.affected in hit),
            gaps=tuple(item for item in gaps if item.affected in hit),
        )

    catalogue = Catalogue(
        releases=tuple(release(row) for row in data["releases"]),
        advisories=advisories,
        gaps=gaps,
        module_paths=tuple(ModulePath(**item) for item in data["module_paths"]),
        patch_versions=MappingProxyType(
            {name: PatchVersion(name, **item) for name, item in data["patch_versions"].items()}
        ),
        default_patch_version=data["default_patch_version"],
    )
    for wrong in _contradictions(catalogue):
        raise ValueError(f"catalogue.json: {wrong}")
    return catalogue


def _contradictions(catalogue: Catalogue) -> list[str]:
    """Return what cannot be true of the catalogue, as sentences."""
    found = []
    versions = [Version(release.version) for release in catalogue.releases]
    if any(later <= earlier for earlier, later in itertools.pairwise(versions)):
        found.append("releases are not sorted, or one stands twice")
    if catalogue.default_patch_version not in catalogue.patch_versions:
        found.append("the default patch version is none of the patch versions")
    found += [
        f"{patch.version}: digest {patch.digest!r} is no sha256"
        for patch in catalogue.patch_versions.values()
        if not _SHA256.fullmatch(patch.digest)
    ]
    for release in catalogue.releases:
        if release.state not in STATES:
            found.append(f"{release.version}: unknown state {release.state!r}")
        for name, hash_ in (
            ("endpoints", None if release.state == "malicious" else release.endpoints_sha256),
            ("handler", None if release.state in WITHOUT_HANDLER else release.handler_sha256),
        ):
            if (hash_ or release.state not in WITHOUT_HANDLER) and not _SHA256.fullmatch(
                hash_ or ""
            ):
                found.append(f"{release.version}: {name}_sha256 {hash_!r} is no sha256")
        dt.date.fromisoformat(release.uploaded)
    return found
