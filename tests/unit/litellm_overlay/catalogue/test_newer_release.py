"""Releases newer than the catalogue: which ones they are, and what is reported of them."""

from __future__ import annotations

import pytest
from packaging.version import Version

from litellm_overlay.catalogue import assessment, releases
from litellm_overlay.errors import NotInCatalogueError


@pytest.fixture
def catalogue():
    return releases.load()


@pytest.mark.parametrize(
    ("version", "like"),
    [
        ("1.999.0", None),
        ("v2.0.0-rc.1", None),
        ("1.83.15", "1.83.14"),
        ("1.106.0.dev99", None),
        ("1.109.99+ours", "1.109"),
    ],
)
def test_a_release_that_is_newer_is_unreviewed(catalogue, version, like):
    """A release above all known ones of its own line is unreviewed."""
    if version == "1.106.0.dev99":  # between two known ones
        with pytest.raises(NotInCatalogueError):
            catalogue.find(version)
        return
    release = catalogue.find(version)
    assert (release.version, release.state) == (str(Version(version)), "unreviewed")
    assert (release.endpoints_sha256, release.handler_sha256, release.advisories) == (
        None,
        None,
        (),
    )
    assert catalogue.newest_of_line(version).version.startswith(
        like or catalogue.releases[-1].version
    )
    assert {gap.id for gap in release.gaps} <= {gap.id for gap in catalogue.gaps}


def test_a_newer_release_has_the_gaps_that_nobody_ended(catalogue):
    """A newer release has the open gaps of the newest known one, and a warning about its line."""
    assert catalogue.find("1.999.0").gaps == catalogue.releases[-1].gaps
    warning = assessment.newer_release_warning(catalogue.find("1.83.15"), catalogue)
    assert "newer than the last that this catalogue knows, 1.83.14 of 20" in warning
    assert assessment.newer_release_warning(catalogue.release("1.83.14"), catalogue) == ""


@pytest.mark.parametrize("asked", ["1.999.0", "ghcr.io/berriai/litellm:v1.999.0"])
def test_a_newer_release_is_no_error(catalogue, asked):
    """A newer release is assessed as unreviewed; malicious names with suffixes stay malicious."""
    assessed = assessment.assess(asked, catalogue)
    assert (assessed.state, assessed.exact, assessed.release.version) == (
        "unreviewed",
        True,
        "1.999.0",
    )
    for name in ("1.107.0.1", "1.107.0+newer", "litellm:v1.999.0-was-1.107.0"):
        assert assessment.assess(name, catalogue).state == "malicious"
