"""The catalogue of LiteLLM releases and patch versions, as frozen data from `catalogue.json`.

scripts/map_releases.py measures its `releases`, scripts/freeze_version.py its digests. Advisories,
gaps and module paths are written by hand, each with its source.
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
    from collections.abc import Iterator, Mapping

# By state: whether its releases have a hash of endpoints.py, and one of the handler in it.
HASHES = {
    "no-endpoint": (True, False),
    "affected": (True, True),
    "handshake-fixed": (True, True),
    "fixed": (True, True),
    "malicious": (False, False),
}
STATES = tuple(HASHES)
UNREVIEWED = "unreviewed"  # the state of a release newer than the catalogue; see `find`
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Advisory:
    """A published security problem of LiteLLM.

    `affected` is a PEP 440 specifier. `fixed_in` is the first release on the package index with the
    fix; its pre-releases count as affected, since no source says otherwise.
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
    """A known fault of some releases with Codex over WebSocket, besides that of the handshake.

    `affected` is a PEP 440 specifier. `basis` says how the fault is known. `seen_on` are the
    releases where tests showed it, in order. `fixed_by` are patch versions that fix it in tests.
    """

    id: str
    what: str
    affected: str
    basis: str
    seen_on: tuple[str, ...]
    fixed_by: tuple[str, ...]

    @property
    def description(self) -> str:
        """Return a text for people: the fault, where it was seen, and which patches fix it."""
        seen = ", ".join(self.seen_on)
        if len(self.seen_on) > 3:
            seen = f"{len(self.seen_on)} releases, {self.seen_on[0]} to {self.seen_on[-1]}"
        source = f"seen on {seen}" if seen else self.basis
        fixes = f"; patch {' or '.join(self.fixed_by)} fixes it" if self.fixed_by else ""
        return f"{self.what} ({source}{fixes})"


@dataclass(frozen=True, slots=True)
class ModulePath:
    """The path of endpoints.py in a family of images; `releases` is a PEP 440 specifier."""

    family: str
    path: str
    releases: str
    images: str
    basis: str


@dataclass(frozen=True, slots=True)
class PatchRelease:
    """A version of the patch; `digest` is the sha256 of its payload (see `patch_files`).

    `released_in` is the toolkit version that released it. If it is None, the files may change.
    """

    version: str
    digest: str
    line: str
    summary: str
    released_in: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A LiteLLM release on the package index; `uploaded` is "YYYY-MM-DD" (UTC).

    `handler_sha256` covers the handler's source lines, from first decorator to last line. For an
    `unreviewed` release, which is newer than the catalogue, hashes are None and `uploaded` is "".
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
    """All releases in PEP 440 order, with facts about them. No slots: it caches its indexes.

    `malicious_images` maps the digest of an image index to the malicious release in it.
    """

    releases: tuple[Release, ...]
    malicious_images: Mapping[str, str]
    module_paths: tuple[ModulePath, ...]
    patch_versions: Mapping[str, PatchRelease]
    default_patch_version: str
    gaps: tuple[Gap, ...] = ()

    @cached_property
    def _by_version(self) -> dict[Version, Release]:
        return {Version(release.version): release for release in self.releases}

    @cached_property
    def _in_states(self) -> dict[tuple[str, ...], tuple[Release, ...]]:
        return {}

    @property
    def newest_affected(self) -> str:
        """Return the highest affected version."""
        return self.in_state("affected")[-1].version

    def in_state(self, *states: str) -> tuple[Release, ...]:
        """Return the releases in any of these states."""
        if states not in self._in_states:  # doctor asks for each proxy of a fleet
            matching = tuple(release for release in self.releases if release.state in states)
            self._in_states[states] = matching
        return self._in_states[states]

    def paths_of(self, version: str) -> tuple[ModulePath, ...]:
        """Return the paths that endpoints.py may have in images of a release."""
        return tuple(item for item in self.module_paths if _covers(item.releases, version))

    def release(self, version: str) -> Release:
        """Return a release by version, in any PEP 440 spelling; else NotInCatalogueError."""
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

    def find(self, version: str) -> Release:
        """Return a release as `release` does, or an `unreviewed` one if it is newer.

        Upstream maintains several lines, such as 1.106, at once. A version is newer if it is above
        all known releases of its line, or of all lines if none of its line is known. An unreviewed
        release has no known advisories, but the gaps whose specifier covers it.
        """
        try:
            return self.release(version)
        except NotInCatalogueError:
            if not self._is_newer(version):
                raise
        name = str(Version(version))
        gaps = tuple(gap for gap in self.gaps if _covers(gap.affected, name))
        return Release(name, UNREVIEWED, "", None, None, None, gaps=gaps)

    def newest_of_line(self, version: str) -> Release:
        """Return the highest known release of a version's line (1.106), else of all lines."""
        line = Version(version).release[:2]
        of_line = [each for each in self._by_version if each.release[:2] == line]
        return self._by_version[of_line[-1]] if of_line else self.releases[-1]

    def _is_newer(self, version: str) -> bool:
        try:
            return Version(version) > Version(self.newest_of_line(version).version)
        except InvalidVersion:
            return False

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
    """Return the catalogue that this package contains; it is parsed once."""
    return parse(
        resources.files("litellm_overlay.catalogue").joinpath("catalogue.json").read_text("utf-8")
    )


def parse(text: str) -> Catalogue:
    """Return the catalogue in a JSON text; ValueError if it contradicts itself."""
    data: dict[str, Any] = json.loads(text)
    advisories = [
        Advisory(**{**item, "aliases": tuple(item["aliases"])}) for item in data["advisories"]
    ]
    lists = ("seen_on", "fixed_by")
    gaps = [Gap(**{**item, **{key: tuple(item[key]) for key in lists}}) for item in data["gaps"]]

    def release(row: dict[str, Any]) -> Release:
        version = row["version"]
        return Release(
            **row,
            advisories=tuple(item for item in advisories if _covers(item.affected, version)),
            gaps=tuple(item for item in gaps if _covers(item.affected, version)),
        )

    catalogue = Catalogue(
        releases=tuple(release(row) for row in data["releases"]),
        malicious_images=MappingProxyType(data["malicious_images"]),
        module_paths=tuple(ModulePath(**item) for item in data["module_paths"]),
        patch_versions=MappingProxyType(
            {name: PatchRelease(name, **item) for name, item in data["patch_versions"].items()}
        ),
        default_patch_version=data["default_patch_version"],
        gaps=tuple(gaps),
    )
    if contradictions := list(_contradictions(catalogue)):
        raise ValueError("catalogue.json: " + "; ".join(contradictions))
    return catalogue


def _covers(specifier: str, version: str) -> bool:
    return _specifier(specifier).contains(version, prereleases=True)


_specifier = lru_cache(SpecifierSet)


def _contradictions(catalogue: Catalogue) -> Iterator[str]:
    """Yield a sentence for each contradiction in a catalogue."""
    versions = [Version(release.version) for release in catalogue.releases]
    if any(later <= earlier for earlier, later in itertools.pairwise(versions)):
        yield "releases are not sorted, or one stands twice"
    if catalogue.default_patch_version not in catalogue.patch_versions:
        yield "the default patch version is not among the patch versions"
    fixing = {version for r in catalogue.releases for gap in r.gaps for version in gap.fixed_by}
    if strange := sorted(fixing - set(catalogue.patch_versions)):
        yield f"a gap is fixed by the unknown patch version {strange[0]}"
    yield from _contradicting_images(catalogue)
    for patch in catalogue.patch_versions.values():
        if not _SHA256.fullmatch(patch.digest):
            yield f"patch version {patch.version} has no sha256 as digest"
    for release in catalogue.releases:
        if release.state not in HASHES:
            yield f"{release.version} has the unknown state {release.state!r}"
            continue
        dt.date.fromisoformat(release.uploaded)
        hashes = (release.endpoints_sha256, release.handler_sha256)
        well_formed = tuple(bool(_SHA256.fullmatch(hash_ or "")) for hash_ in hashes)
        if well_formed != HASHES[release.state]:
            yield f"{release.version} has hashes that do not fit its state {release.state}"


def _contradicting_images(catalogue: Catalogue) -> Iterator[str]:
    malicious = {release.version for release in catalogue.in_state("malicious")}
    for digest, version in catalogue.malicious_images.items():
        if version not in malicious or not _SHA256.fullmatch(digest.removeprefix("sha256:")):
            yield f"the malicious image {digest} has no sha256, or {version} is not malicious"
