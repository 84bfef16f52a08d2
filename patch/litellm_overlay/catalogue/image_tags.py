"""Read the LiteLLM release from an image reference. Pure.

A tag proves nothing; only the hash of the file in the image does. So every reading says whether it
is exact, and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# host:port/path:tag@digest by the OCI distribution specification, laxer about separators.
_REFERENCE = re.compile(
    r"(?P<name>(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9._-]+(?:/[a-z0-9._-]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?",
    re.ASCII,
)
# The first version counts: v1.86.2-acme-1.0.3 is acme's 1.0.3 of LiteLLM 1.86.2.
_TAG = re.compile(r"(?P<prefix>(?:.*?[-_])??)v?(?P<release>\d+\.\d+\.\d+)(?P<suffix>.*)", re.ASCII)
_BARE = re.compile(r"\w[\w.-]{0,127}", re.ASCII)  # any valid tag
_CALENDAR = re.compile(r"\d{4}", re.ASCII)  # 2026.11.26 is a date, not a release
_MOVING = {"latest", "stable", "lts", "main", "main-latest", "main-stable", "nightly", "dev"}
_PRE_RELEASE = re.compile(r"[.-]?(?P<kind>rc|dev)\.?(?P<number>\d+)", re.ASCII)
_NAMED_PRE_RELEASE = re.compile(r"\d+\.\d+\.\d+" + _PRE_RELEASE.pattern, re.ASCII)
_HOTFIX = re.compile(r"-stable\.(?:patch\.)?\d+", re.ASCII)
_NAMES = {"litellm", "litellm-database", "litellm-non_root", "litellm-gateway"}


@dataclass(frozen=True, slots=True)
class Image:
    """The parts of an image reference; `tag` and `digest` are None if it has none."""

    name: str
    tag: str | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class TagReading:
    """The release that an image reference names.

    `release` is a PyPI version, None if the reference names none. `exact` is false if the image may
    hold something else, such as a hotfix of that release. `why` is a sentence for people.
    """

    release: str | None
    exact: bool
    why: str


def parse_image(reference: str) -> Image:
    """Return the parts of an image reference; ValueError if it is malformed.

    A bare tag, such as "v1.88.6", is a tag of the image "litellm".
    """
    if _BARE.fullmatch(reference) and (_TAG.fullmatch(reference) or reference in _MOVING):
        return Image("litellm", reference, None)
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ValueError(f"{reference!r} is neither a version nor an image reference")
    return Image(match["name"], match["tag"], match["digest"])


def is_proxy(image: Image) -> bool:
    """Tell whether an image has the name of a LiteLLM proxy image, in any registry."""
    return image.name.rpartition("/")[2] in _NAMES


def tag_of(reference: str) -> str:
    """Return the tag in a text that may be an image reference, "" if it has none.

    A text without "/" and ":" is a tag. Unlike `parse_image` this never raises, so that malformed
    references are searched for malware, too.
    """
    path = reference.partition("@")[0]
    last = path.rpartition("/")[2]
    _, colon, tag = last.rpartition(":")
    return tag if colon or "/" not in path else ""


def names_release(tag: str, release: str) -> bool:
    """Tell whether a tag contains a final release anywhere; its pre-releases do not count."""
    bare = _NAMED_PRE_RELEASE.sub("-", tag)
    return re.search(rf"(?<!\d){re.escape(release)}(?!\d)", bare, re.ASCII) is not None


def read_release(image: Image) -> TagReading:
    """Return the release that an image reference names, and whether that is exact."""
    if image.tag is None and image.digest:
        return TagReading(None, exact=False, why="a digest alone names no release")
    tag = image.tag or "latest"
    if tag in _MOVING:
        return TagReading(None, exact=False, why=f"the tag {tag} moves: it names no release")
    match = _TAG.fullmatch(tag)
    if not match or _CALENDAR.match(match["release"]):
        return TagReading(None, exact=False, why=f"the tag {tag} names no release")
    reading = _read_suffix(match["release"], match["suffix"])
    doubts = []
    if match["prefix"] not in ("", "main-"):
        doubts.append(f"the tag has an unusual prefix, {match['prefix']}")
    if not is_proxy(image):
        doubts.append(f"the image is not named like LiteLLM's own, but {image.name}")
    if image.digest:
        doubts.append("the digest decides what is pulled, the tag beside it is only a label")
    return TagReading(
        reading.release,
        exact=reading.exact and not doubts,
        why="; ".join([reading.why, *doubts]),
    )


def _read_suffix(release: str, suffix: str) -> TagReading:
    """Return the reading of a tag X.Y.Z with a suffix, in the formats before and since 1.84.0."""
    if suffix in ("", "-stable"):
        return TagReading(release, exact=True, why=f"the tag names the release {release}")
    if match := _PRE_RELEASE.fullmatch(suffix):
        kind = {"rc": "rc", "dev": ".dev"}[match["kind"]]
        version = f"{release}{kind}{match['number']}"
        return TagReading(version, exact=True, why=f"the tag names the pre-release {version}")
    if _HOTFIX.fullmatch(suffix):
        what = "a hotfix that exists as an image only"
    elif suffix == "-nightly":
        what = f"a nightly build from before {release} was released"
    else:
        what = f"a build with an unusual suffix, {suffix}"
    return TagReading(release, exact=False, why=f"{what}; the nearest release is {release}")
