"""Look for malware in the folders that a Python imports from. Files are read, none is run.

Code that runs whenever Python starts is reported as well: start-up lines in .pth files and a
sitecustomize.py. Tracing agents install both, so alone they prove nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endpoint_patch import compromised
from endpoint_patch.errors import CompromisedReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Each with the release that leaves it.
_ALONE = {
    "litellm_init.pth": "1.82.8",
    "cook.pth": "1.107.0",
    "remote_code_loader.lock": "1.107.0",
}
# Names that honest packages use as well: both of them together are refused, one alone is reported.
_TOGETHER = ("cook.py", "sitecustomize.py")
# sha256 of a file of the malware -> its release. Empty, since none has been published.
_CONTENT: dict[str, str] = {}
_TEMPORARY = ("/tmp", "/var/tmp", os.environ.get("TMPDIR", ""))  # noqa: S108 - looked at, not written to
_CARRIERS = (*_TOGETHER, "litellm/__init__.py", "litellm/proxy/proxy_server.py")
# From 1.110 on the proxy is a distribution of its own.
_DISTRIBUTIONS = ("litellm", "litellm-proxy")
_RELEASE_FOLDER = re.compile(
    r"litellm(?:[-_.]proxy)?-(\d.*)\.(?:dist|egg)-info", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Startup:
    """What runs when Python starts: `executed_pth` holds name, sha256 and count of lines."""

    executed_pth: tuple[dict[str, Any], ...] = ()
    traces: tuple[dict[str, Any], ...] = ()


def scan(
    imports: Iterable[str],
    sites: Iterable[str],
    places: Iterable[str] = (),
    *,
    also: Iterable[str] = (),
) -> Startup:
    """Raise CompromisedReleaseError if malware is there, else return what runs at the start.

    Python imports from `imports` and `sites`; it obeys .pth files in `sites` only. `places` are
    other folders where the malware may have left something; `also` are malicious releases of which
    the plan tells.
    """
    pth = [path for folder in _folders(sites) for path in _pth(folder)]
    folders = [*_folders([*imports, *sites, *(each for path in pth for each in _added(path))])]
    for folder in _folders([*map(str, folders), *places, *_TEMPORARY]):
        _refuse_names(folder)
    _refuse_content([*pth, *(folder / name for folder in folders for name in _CARRIERS)])
    compromised.refuse(_releases(folders), also)
    traces = [folder / name for folder in folders for name in _TOGETHER if _exists(folder / name)]
    if len({path.name for path in traces}) == len(_TOGETHER):
        both = " and ".join(map(str, traces))
        raise CompromisedReleaseError(f"{both} are traces of the malware in LiteLLM 1.107.0.")
    executed = [
        {"name": path.name, "sha256": _sha256(path), "count": count}
        for path in pth
        if (count := sum(map(_is_code, _lines(path))))
    ]
    named = [{"name": str(path), "sha256": _sha256(path)} for path in traces]
    return Startup(tuple(executed), tuple(named))


def _refuse_names(folder: Path) -> None:
    for name, release in _ALONE.items():
        if _exists(folder / name):
            raise CompromisedReleaseError(
                f"{folder / name} is a trace of the malware in LiteLLM {release}."
            )


def _refuse_content(paths: Iterable[Path]) -> None:
    for path in paths:
        if release := _CONTENT.get(_sha256(path)):
            raise CompromisedReleaseError(f"{path} is a file of the malware in LiteLLM {release}.")


def _folders(paths: Iterable[str]) -> Iterator[Path]:
    """Yield each folder that exists once, whatever links lead to it."""
    seen = set()
    for path in map(Path, paths):
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # no folder for Python either
            real = path.resolve()
            if path.is_absolute() and real not in seen and path.is_dir():
                seen.add(real)
                yield path


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _pth(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.name.endswith(".pth")]


def _exists(path: Path) -> bool:
    """Say whether something has that name, be it a link to nowhere."""
    return os.path.lexists(path)


def _read(path: Path) -> bytes:
    """Return a file's bytes; none where Python could not read it either, or it is no file."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def _lines(path: Path) -> list[str]:
    # Any kind of line end counts: releases of Python differ in which they take.
    return _read(path).decode("utf-8-sig", "surrogateescape").splitlines()


def _is_code(line: str) -> bool:
    return line.startswith(("import ", "import\t"))


def _added(pth: Path) -> Iterator[str]:
    """Yield the folders that a .pth file puts on the path."""
    for line in _lines(pth):
        if line.strip() and not line.startswith("#") and not _is_code(line) and "\0" not in line:
            yield str(pth.parent / line.rstrip())


def _releases(folders: list[Path]) -> Iterator[str]:
    """Yield every LiteLLM release that metadata, or the name of their folder, tells of."""
    for folder in folders:
        for path in _listed(folder):
            if match := _RELEASE_FOLDER.fullmatch(path.name):
                yield match[1]
    where = list(map(str, folders))
    for name in _DISTRIBUTIONS:
        installed = importlib.metadata.distributions(name=name, path=where)
        yield from (item.version for item in installed if item.version)


def _sha256(path: Path) -> str:
    return hashlib.sha256(_read(path)).hexdigest()
