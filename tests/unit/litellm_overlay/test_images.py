"""Image references: which release a name promises, and how sure that is."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_overlay import images

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
    """Every style of before and after 1.84.0, in any registry, and a tag without image."""
    reading = images.read(images.parse(reference))
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
        ("berriai/litellm-dev:v1.83.3-stable", "1.83.3", "not named like LiteLLM's own"),
        ("registry.example.com:5000/ai-gateway:1.83.3", "1.83.3", "not named like LiteLLM's own"),
        (f"berriai/litellm:v1.88.6@{DIGEST}", "1.88.6", "the digest decides what is pulled"),
    ],
)
def test_other_tags_name_only_the_nearest_release(reference, release, why):
    """They are built from something else; the reading says so."""
    reading = images.read(images.parse(reference))
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
    ],
)
def test_some_references_cannot_be_told(reference, why):
    """No guess is made."""
    reading = images.read(images.parse(reference))
    assert (reading.release, reading.exact) == (None, False)
    assert why in reading.why


def test_a_port_is_no_tag():
    """The colon of a registry's port comes before a slash."""
    assert images.parse("registry.example.com:5000/a/litellm") == images.Image(
        "registry.example.com:5000/a/litellm", None, None
    )
    assert images.parse(f"registry.example.com:5000/a/litellm:v1.88.6@{DIGEST}") == images.Image(
        "registry.example.com:5000/a/litellm", "v1.88.6", DIGEST
    )


@pytest.mark.parametrize(
    "text", ["", "Bad Image!", "berriai/litellm:", "berriai/litellm@sha256:123", "a//b:v1.2.3"]
)
def test_what_is_no_reference_is_refused(text):
    """A slip of the pen is named, not answered."""
    with pytest.raises(ValueError, match="neither a version nor an image reference"):
        images.parse(text)


@given(st.text(alphabet="abv0123456789.-_:/@", max_size=40))
def test_any_text_is_read_or_refused(text):
    """No text leads to another error, and a release is always a version of three numbers."""
    with contextlib.suppress(ValueError):
        reading = images.read(images.parse(text))
        assert reading.release is None or reading.release.count(".") >= 2
        assert reading.why
