"""Image references: the release that a tag names, and how certain it is."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_overlay.catalogue import image_tags

DIGEST = "sha256:" + "0a571da849db5f9c" * 4


@pytest.mark.parametrize(
    ("reference", "release"),
    [
        ("berriai/litellm:v1.82.3", "1.82.3"),
        ("berriai/litellm:v1.82.3-stable", "1.82.3"),
        ("berriai/litellm:main-v1.82.3-stable", "1.82.3"),
        ("berriai/litellm-database:main-v1.82.3-stable", "1.82.3"),
        ("berriai/litellm-non_root:1.84.0", "1.84.0"),
        ("registry.example.com/berriai/litellm:v1.84.0", "1.84.0"),
        ("registry.example.com:5000/mirror/litellm:v1.83.3-stable", "1.83.3"),
        ("REGISTRY.example.com/litellm:v1.83.3", "1.83.3"),
        ("berriai/litellm:v1.83.7.rc.1", "1.83.7rc1"),
        ("berriai/litellm:main-v1.83.14.rc.1", "1.83.14rc1"),
        ("berriai/litellm:1.84.0-rc.1", "1.84.0rc1"),
        ("berriai/litellm:1.84.0-dev.2", "1.84.0.dev2"),
        ("litellm:v1.88.6", "1.88.6"),
        ("v1.83.3-stable", "1.83.3"),
    ],
)
def test_a_release_tag_names_its_release(reference, release):
    """Each form of a release tag names its release, in any registry and without an image."""
    reading = image_tags.read_release(image_tags.parse_image(reference))
    assert (reading.release, reading.exact) == (release, True)


@pytest.mark.parametrize(
    ("reference", "release", "why"),
    [
        ("berriai/litellm:v1.83.3-stable.patch.2", "1.83.3", "a hotfix that exists as an image"),
        ("berriai/litellm:main-v1.83.14-stable.patch.3", "1.83.14", "a hotfix"),
        ("berriai/litellm:v1.81.0-stable.1", "1.81.0", "a hotfix"),
        ("berriai/litellm:v1.83.5-nightly", "1.83.5", "a nightly build from before 1.83.5"),
        (
            "berriai/litellm:litellm_stable_release_branch-v1.83.3-stable.opus-4.7",
            "1.83.3",
            "unusual suffix, -stable.opus-4.7; .* unusual prefix, litellm_stable_release_branch-",
        ),
        ("berriai/litellm:v1.83.3-amd64", "1.83.3", "unusual suffix"),
        ("berriai/litellm:v1.86.2-acme-1.0.3", "1.86.2", "unusual suffix, -acme-1.0.3"),
        ("acme/litellm:acme-1.86.2_1.0.3", "1.86.2", "unusual suffix, _1.0.3; .* prefix, acme-"),
        ("berriai/litellm-dev:v1.83.3-stable", "1.83.3", "not named like LiteLLM's own"),
        ("registry.example.com:5000/ai-gateway:1.83.3", "1.83.3", "not named like LiteLLM's own"),
        (f"berriai/litellm:v1.88.6@{DIGEST}", "1.88.6", "the digest decides what is pulled"),
    ],
)
def test_other_tags_name_only_the_nearest_release(reference, release, why):
    """Other tags name only the nearest release, with the reason for the doubt."""
    reading = image_tags.read_release(image_tags.parse_image(reference))
    assert (reading.release, reading.exact) == (release, False)
    assert re.search(why, reading.why)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("berriai/litellm:main-latest", "the tag main-latest moves"),
        ("berriai/litellm:main-stable", "moves"),
        ("berriai/litellm:latest", "moves"),
        ("berriai/litellm:lts", "moves"),
        ("berriai/litellm", "the tag latest moves"),
        ("registry.example.com:5000/litellm", "the tag latest moves"),
        ("main-latest", "moves"),
        (f"berriai/litellm:main-latest@{DIGEST}", "moves"),
        (f"berriai/litellm@{DIGEST}", "a digest alone"),
        ("berriai/litellm:main-abc1234", "names no release"),
        ("berriai/litellm:1.83", "names no release"),
        ("berriai/litellm:2026.11.26", "names no release"),
        ("berriai/litellm:v20261126.1.0", "names no release"),
    ],
)
def test_some_references_cannot_be_told(reference, why):
    """A reference without a release gets none, with the reason."""
    reading = image_tags.read_release(image_tags.parse_image(reference))
    assert (reading.release, reading.exact) == (None, False)
    assert why in reading.why


def test_a_port_is_no_tag():
    """A registry's port is not taken for a tag."""
    assert image_tags.parse_image("registry.example.com:5000/a/litellm") == image_tags.Image(
        "registry.example.com:5000/a/litellm", None, None
    )
    assert image_tags.parse_image(
        f"registry.example.com:5000/a/litellm:v1.88.6@{DIGEST}"
    ) == image_tags.Image("registry.example.com:5000/a/litellm", "v1.88.6", DIGEST)


@pytest.mark.parametrize(
    "text", ["", "Bad Image!", "berriai/litellm:", "berriai/litellm@sha256:123", "a//b:v1.2.3"]
)
def test_what_is_no_reference_is_refused(text):
    """A text that is no reference is refused."""
    with pytest.raises(ValueError, match="neither a version nor an image reference"):
        image_tags.parse_image(text)


@given(st.text(alphabet="abv0123456789.-_:/@", max_size=40))
def test_any_text_is_read_or_refused(text):
    """Any text is read or refused with ValueError."""
    with contextlib.suppress(ValueError):
        reading = image_tags.read_release(image_tags.parse_image(text))
        assert reading.release is None or reading.release.count(".") >= 2
        assert reading.why


@pytest.mark.parametrize(
    ("reference", "tag"),
    [
        ("r.example:5000/a/litellm:v1.88.6@sha256:ab", "v1.88.6"),
        ("r.example:5000/a/litellm", ""),
        ("10.1.82.7/litellm", ""),
        ("v1.88.6-x", "v1.88.6-x"),
        ("Not/An Image:1.82.7", "1.82.7"),
        ("sha256:abc", "abc"),
    ],
)
def test_a_tag_is_found_in_any_text(reference, tag):
    """`tag_of` finds the tag in any text, and takes no port or address for one."""
    assert image_tags.tag_of(reference) == tag


@pytest.mark.parametrize(
    ("tag", "named"),
    [
        ("v1.107.0", True),
        ("v1.86.2-from-1.107.0", True),
        ("cu12.1.107.0-x", True),
        ("1.107.0.1", True),
        ("1.107.0-nightly", True),
        ("1.107.0rc2-1.107.0", True),
        ("1.107.0rc2", False),
        ("v1.107.0-dev.3", False),
        ("v1.107.0.rc.1-acme", False),
        ("11.107.0", False),
        ("1.107.01", False),
        ("1.107", False),
    ],
)
def test_a_final_release_is_named_anywhere_in_a_tag(tag, named):
    """A final release is found anywhere in a tag, but not as a part of another version."""
    assert image_tags.names_release(tag, "1.107.0") is named
