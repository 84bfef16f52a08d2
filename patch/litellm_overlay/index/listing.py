"""Parse what a package index lists of one release.

The format is the JSON of PEP 691, with the upload times of PEP 700. The text is not trusted:
malformed text raises ValueError.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename
from packaging.utils import parse_sdist_filename as parse_sdist
from packaging.utils import parse_wheel_filename as parse_wheel
from packaging.version import Version

ACCEPT = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, slots=True)
class Listed:
    """A release as an index lists it.

    `uploaded` is "YYYY-MM-DD" (UTC), "" if the index does not say. `yanked` is the reason for its
    withdrawal, None unless all of its files are yanked. `wheel` is the URL of a wheel that Linux
    can run, None if there is none.
    """

    uploaded: str
    yanked: str | None
    wheel: str | None


def parse_listing(text: bytes, page: str, version: str) -> Listed | None:
    """Return a release as a project's page lists it, None if it does not; `page` is its URL."""
    try:
        files = json.loads(text)["files"]
        mine = [file for file in files if _version(file["filename"]) == Version(version)]
        wheels = [str(file["url"]) for file in sorted(filter(_rank, mine), key=_rank)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("the index gives no listing in JSON (PEP 691)") from error
    if not mine:
        return None
    uploads = [str(file["upload-time"])[:10] for file in mine if file.get("upload-time")]
    yanked = [str(file["yanked"]) for file in mine if file.get("yanked")]
    reason = "no reason is given" if yanked and yanked[0] == "True" else "".join(yanked[:1])
    return Listed(
        uploaded=dt.date.fromisoformat(min(uploads)).isoformat() if uploads else "",
        yanked=reason if len(yanked) == len(mine) else None,
        wheel=urljoin(page, wheels[0]) if wheels else None,
    )


def _version(filename: str) -> Version | None:
    try:
        return parse_wheel(filename)[1] if filename.endswith(".whl") else parse_sdist(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _rank(file: dict[str, Any]) -> int:
    """Return the rank of a wheel to read, as in scripts/map_releases.py: 1 best, 0 unusable."""
    name = file["filename"]
    if name.endswith("py3-none-any.whl"):
        return 1
    return 2 if name.endswith("x86_64.whl") and "manylinux" in name else 0
