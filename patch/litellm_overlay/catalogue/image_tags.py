"""From an image reference to the LiteLLM release inside, as far as a name can tell. Pure.

A tag is a name that somebody gave. Only the hash of the file inside the image proves anything, so
every reading says how sure it is, and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# host:port/path:tag@digest, as the OCI distribution specification has it, but for separators.
_REFERENCE = re.compile(
    r"(?P<name>(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9._-]+(?:/[a-z0-9._-]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?",
    re.ASCII,
)
# The first version counts: v1.86.2-acme-1.0.3 is acme's 1.0.3 of LiteLLM 1.86.2.
_TAG = re.compile(r"(?P<prefix>(?:.*?[-_])??)v?(?P<release>\d+\.\d+\.\d+)(?P<suffix>.*)", re.ASCII)
_BARE = re.compile(r"\w[\w.-]{0,127}", re.ASCII)  # what may be a tag at all
_CALENDAR = re.compile(r"\d{4}", re.ASCII)  # 2026.11.26 is somebody's date, no release
_MOVING = {"latest", "stable", "lts", "main", "main-latest", "main-stable", "nightly", "dev"}
_PRE_RELEASE = re.compile(r"[.-]?(?P<kind>rc|dev)\.?(?P<number>\d+)", re.ASCII)
_NAMED_PRE_RELEASE = re.compile(r"\d+\.\d+\.\d+" + _PRE_RELEASE.pattern, re.ASCII)
_HOTFIX = re.compile(r"-stable\.(?:patch\.)?\d+", re.ASCII)
_NAMES = {"litellm", "litellm-database", "litellm-non_root", "litellm-gateway"}


@dataclass(frozen=True, slots=True)
class Image:
    """The parts of an image reference; `tag` and `digest` are None where they are left out."""

    name: str
    tag: str | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class TagReading:
    """What a reference says.

    `release` is the PyPI version to look at, None where the reference cannot tell. It is not
    `exact` where the image may hold something close to it. `why` is for people.
    """

    release: str | None
    exact: bool
    why: str


def parse_image(reference: str) -> Image:
    """Split a reference; ValueError where it is none. A bare tag is taken for LiteLLM's."""
    if _BARE.fullmatch(reference) and (_TAG.fullmatch(reference) or reference in _MOVING):
        return Image("litellm", reference, None)
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ValueError(f"{reference!r} is neither a version nor an image reference")
    return Image(match["name"], match["tag"], match["digest"])


def is_proxy(image: Image) -> bool:
    """Say whether an image is named like one of LiteLLM's proxy, wherever it is kept."""
    return image.name.rpartition("/")[2] in _NAMES


def tag_of(reference: str) -> str:
    """Return the tag in any text that may be a reference, "" for none; a bare word is a tag.

    Unlike `parse_image` it never raises, so that odd references are searched for malware, too.
    """
    path = reference.partition("@")[0]
    last = path.rpartition("/")[2]
    _, colon, tag = last.rpartition(":")
    return tag if colon or "/" not in path else ""


def names_release(tag: str, release: str) -> bool:
    """Say whether a tag names a final release, anywhere; its pre-releases are others."""
    bare = _NAMED_PRE_RELEASE.sub("-", tag)
    return re.search(rf"(?<!\d){re.escape(release)}(?!\d)", bare, re.ASCII) is not None


def read_release(image: Image) -> TagReading:
    """Return what the reference says about the release."""
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
    """Return what stands behind X.Y.Z, in the styles of before and after 1.84.0."""
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
