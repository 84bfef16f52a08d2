"""Measure every LiteLLM release on the package index; write down what is new, and show it.

    scripts/map_releases.py                     measure all; write `releases` of catalogue.json and
                                                the guard's stock_files.json, print each change
    scripts/map_releases.py --check 1.88.6 …    measure these (default: all) and compare

The guard's table is part of the payload. After a change: scripts/freeze_version.py, make generate.

Nothing here knows which release is affected. Each release's own files say so:

- `no-endpoint`      endpoints.py has no WebSocket route for */responses
- `affected`         its handler is the one that `endpoint_patch` takes over, `model` required
- `handshake-fixed`  `model` is optional, but streaming_iterator.py lacks both markers below
- `fixed`            it has both: `_send_warmup_ack` answers Codex's warm-up, and
                     `_enforce_authorized_model` writes the admitted model over each frame's

Anything else stops the run: upstream made something new, and a person has to look. 1.82.7,
1.82.8 and 1.107.0 were malware and are gone from the index; they are stated here as facts.

The file measured is the pure wheel, else the first manylinux x86_64 wheel by name, else the sdist.
A wheel is read by HTTP range, two members of it, so its published sha256 is only checked where the
index refuses ranges. The members are cached, so a run may be broken off and started again;
`--check` reads no cache.
All of it took 34 to 41 s on two cores with nothing cached (334 releases, November 2026).
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import gzip
import hashlib
import io
import itertools
import json
import os
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pypi_simple
import remotezip
from packaging.version import InvalidVersion, Version
from requests import RequestException
from rich.console import Console
from rich.progress import track

from catalogue_files import CATALOGUE, STOCK_FILES, changes, write, write_stock_files

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "patch"))

from endpoint_patch import syntax  # noqa: E402 - found by the line above
from endpoint_patch.errors import AnchorError  # noqa: E402
from litellm_overlay.local.cache import cache_root  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FIRST = Version("1.75.0")
REQUESTS_AT_ONCE = 4
ENDPOINTS = "litellm/proxy/response_api_endpoints/endpoints.py"
STREAMING = "litellm/responses/streaming_iterator.py"
FIXED_MARKERS = {"_send_warmup_ack", "_enforce_authorized_model"}
MALICIOUS = {"1.82.7": "2026-03-24", "1.82.8": "2026-03-24", "1.107.0": "2026-10-21"}

Row = dict[str, Any]


class UnknownShapeError(Exception):
    """A release is in none of the known states."""


@dataclass(frozen=True)
class Published:
    """A release on the index, and which of its files is measured."""

    version: str
    uploaded: str
    yanked: str | None
    file: pypi_simple.DistributionPackage


class Index:
    """The package index: its list of LiteLLM's releases, and single members of their files."""

    def __init__(self, cache: Path) -> None:
        names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
        mirror = next((os.environ[name] for name in names if os.environ.get(name)), None)
        self._client = pypi_simple.PyPISimple(mirror or pypi_simple.PYPI_SIMPLE_ENDPOINT)
        self._cache = cache

    def published(self) -> list[Published]:
        """Return the releases from FIRST on, in PEP 440 order."""
        files: dict[Version, list[pypi_simple.DistributionPackage]] = {}
        for file in self._client.get_project_page("litellm").packages:
            try:
                version = Version(file.version or "")
            except InvalidVersion:
                continue
            if version >= FIRST and str(version) not in MALICIOUS:
                files.setdefault(version, []).append(file)
        return [self._published(str(version), files[version]) for version in sorted(files)]

    @staticmethod
    def _published(version: str, files: list[pypi_simple.DistributionPackage]) -> Published:
        uploads = [file.upload_time for file in files if file.upload_time]
        if not uploads:
            sys.exit("error: this index gives no upload times\nhint: use one that follows PEP 700")
        yanked = next((f.yanked_reason or "yes" for f in files if f.is_yanked), None)
        fit = sorted(filter(_rank, files), key=lambda file: (_rank(file), file.filename))
        if not fit:
            raise UnknownShapeError(f"{version} has neither an sdist nor a wheel for Linux")
        return Published(version, min(uploads).date().isoformat(), yanked, fit[0])

    def read(self, file: pypi_simple.DistributionPackage, member: str) -> bytes:
        """Return one member of a wheel or sdist, from the cache if it is there."""
        kept = self._cache / file.filename / (PurePosixPath(member).name + ".gz")
        if not kept.exists():
            content = gzip.compress(self._fetch(file, member), mtime=0)
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as scratch:
                scratch.write(content)
            Path(scratch.name).replace(kept)
        return gzip.decompress(kept.read_bytes())

    def _fetch(self, file: pypi_simple.DistributionPackage, member: str) -> bytes:
        if file.package_type == "wheel":
            try:
                with remotezip.RemoteZip(file.url, session=self._client.s) as wheel:
                    content: bytes = wheel.read(member)
                    return content
            except remotezip.RemoteZipError:
                return zipfile.ZipFile(io.BytesIO(self._download(file))).read(member)
        with tarfile.open(fileobj=io.BytesIO(self._download(file))) as sdist:
            top = sdist.getnames()[0].partition("/")[0]
            inside = sdist.extractfile(f"{top}/{member}")
            if inside is None:
                raise UnknownShapeError(f"{member} in {file.filename} is no file")
            return inside.read()

    def _download(self, file: pypi_simple.DistributionPackage) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file.filename
            self._client.download_package(file, path)  # checks the published sha256
            return path.read_bytes()


def _rank(file: pypi_simple.DistributionPackage) -> int:
    """Return the rank of a file to measure: 1 is best, 0 is unusable."""
    name = file.filename
    if name.endswith("py3-none-any.whl"):
        return 1
    if file.package_type == "wheel" and "manylinux" in name and "x86_64" in name:
        return 2
    return 3 if file.package_type == "sdist" else 0


def measure(index: Index, release: Published) -> Row:
    """Return the catalogue's row for a release; UnknownShapeError if it fits no state."""
    try:
        endpoints = index.read(release.file, ENDPOINTS)
        tree = syntax.parse(endpoints)
        handler = syntax.handler_source(endpoints)
        state = state_of(tree, handler, lambda: index.read(release.file, STREAMING))
    except (AnchorError, KeyError, UnknownShapeError) as error:  # KeyError: no such file
        raise UnknownShapeError(f"{release.version} is in no known state: {error}") from error
    row = {
        "version": release.version,
        "state": state,
        "uploaded": release.uploaded,
        "requires_python": release.file.requires_python,
        "endpoints_sha256": hashlib.sha256(endpoints).hexdigest(),
        "handler_sha256": handler and hashlib.sha256(handler).hexdigest(),
    }
    return {**row, "yanked": release.yanked} if release.yanked else row


def state_of(tree: ast.Module, handler: bytes | None, streaming: Callable[[], bytes]) -> str:
    """Return the state that a release's files show; `streaming` is called only if needed."""
    if handler is None:
        return "no-endpoint"
    if not syntax.model_is_optional(tree):
        syntax.find_handler(tree)  # raises unless it is the one that the patch takes over
        return "affected"
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = ast.walk(syntax.parse(streaming()))
    markers = FIXED_MARKERS & {node.name for node in nodes if isinstance(node, functions)}
    if markers == FIXED_MARKERS:
        return "fixed"
    if markers:
        raise UnknownShapeError(f"of the two markers of a fix it has only {markers}")
    return "handshake-fixed"


def measure_all(index: Index, releases: list[Published]) -> list[Row]:
    """Return the rows of these releases, in their order; show progress on stderr."""
    with concurrent.futures.ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        rows = pool.map(measure, itertools.repeat(index), releases)
        return list(track(rows, "measuring", total=len(releases), console=Console(stderr=True)))


def malicious() -> list[Row]:
    """Return the rows of the malicious releases, which are no longer on the index."""
    unknown = dict.fromkeys(("requires_python", "endpoints_sha256", "handler_sha256"))
    return [
        {"version": version, "state": "malicious", "uploaded": uploaded, **unknown}
        for version, uploaded in MALICIOUS.items()
    ]


def compare(rows: Iterable[Row], catalogued: dict[str, Row]) -> int:
    """Print where rows differ from the catalogue; return the number of releases that do."""
    wrong = 0
    for row in rows:
        before = catalogued.get(row["version"], {})
        for key in sorted({*row, *before}):
            if row.get(key) != before.get(key):
                print(
                    f"{row['version']} {key}: catalogue {before.get(key)}, measured {row.get(key)}"
                )
        wrong += row != before
    return wrong


def main() -> int:
    """Measure, then write or compare; return 1 if the comparison found a difference."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("versions", nargs="*", metavar="VERSION")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--catalogue", type=Path, default=CATALOGUE)
    parser.add_argument("--stock-files", type=Path, default=STOCK_FILES)
    options = parser.parse_args()
    if options.versions and not options.check:
        parser.error("single releases can only be checked: add --check")
    started = time.monotonic()
    old = json.loads(options.catalogue.read_text("utf-8"))
    catalogued = {row["version"]: row for row in old["releases"]}
    with tempfile.TemporaryDirectory() as fresh:
        index = Index(Path(fresh) if options.check else cache_root() / "map")
        releases = index.published()
        wanted = [r for r in releases if not options.versions or r.version in options.versions]
        rows = measure_all(index, wanted)
    print(dict(Counter(row["state"] for row in rows)), f"{time.monotonic() - started:.0f} s")
    if options.check:
        missing = sorted(set(options.versions) - {release.version for release in wanted})
        for version in missing:
            print(f"{version} is not on the index")
        return 1 if compare(rows, catalogued) or missing else 0
    rows += malicious()
    gone = set(catalogued) - {row["version"] for row in rows}
    for version in sorted(gone, key=Version):
        print(f"{version} is gone from the index; its row is kept")
    rows += [catalogued[version] for version in gone]
    rows.sort(key=lambda row: Version(row["version"]))
    write(options.catalogue, {**old, "releases": rows})
    write_stock_files(options.stock_files, rows)
    print(*changes(old["releases"], rows), sep="\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UnknownShapeError as error:
        sys.exit(f"error: {error}\nhint: read its files; a new state needs a person")
    except (
        RequestException,
        pypi_simple.NoSuchProjectError,
        pypi_simple.DigestMismatchError,
    ) as error:
        sys.exit(f"error: {error}\nhint: is this the package index you mean? (UV_DEFAULT_INDEX)")
