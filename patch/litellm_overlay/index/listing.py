"""What an index lists of one release: its JSON in, the facts and the wheel to read out.

The format is that of PEP 691, with the upload times of PEP 700. Nothing in it is trusted: what is
not as it should be is a ValueError, with a sentence.
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

    `uploaded` is "YYYY-MM-DD" (UTC), "" where the index does not say. `yanked` is the reason why it
    was withdrawn, None where it was not. `wheel` is the URL of one that Linux can run, None for
    none.
    """

    uploaded: str
    yanked: str | None
    wheel: str | None


def parse_listing(text: bytes, page: str, version: str) -> Listed | None:
    """Return what a project's page, whose URL is `page`, says of a release; None if it has none."""
    try:
        files = json.loads(text)["files"]
        mine = [file for file in files if _version(file["filename"]) == Version(version)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("the index gives no listing in JSON (PEP 691)") from error
    if not mine:
        return None
    uploads = [str(file["upload-time"])[:10] for file in mine if file.get("upload-time")]
    yanked = [str(file["yanked"]) for file in mine if file.get("yanked")]
    wheels = sorted(filter(_rank, mine), key=_rank)
    reason = "no reason is given" if yanked and yanked[0] == "True" else "".join(yanked[:1])
    return Listed(
        uploaded=dt.date.fromisoformat(min(uploads)).isoformat() if uploads else "",
        yanked=reason if len(yanked) == len(mine) else None,
        wheel=urljoin(page, str(wheels[0]["url"])) if wheels else None,
    )


def _version(filename: str) -> Version | None:
    try:
        return parse_wheel(filename)[1] if filename.endswith(".whl") else parse_sdist(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _rank(file: dict[str, Any]) -> int:
    """Return 1 for the best wheel to read, 0 for none; as scripts/map_releases.py chooses."""
    name = file["filename"]
    if name.endswith("py3-none-any.whl"):
        return 1
    return 2 if name.endswith("x86_64.whl") and "manylinux" in name else 0
