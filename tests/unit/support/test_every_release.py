"""The recorded runs on the fixed releases agree with catalogue, verbs and pages."""

from __future__ import annotations

import re

import pytest
from packaging.specifiers import SpecifierSet

from litellm_overlay.catalogue import releases, upgrade
from pins import PINS, ROOT
from support import every_release
from support.every_release import BESIDES, BRIDGE, GAPS, NEWEST, RIGHT, STOCK

CATALOGUE = releases.load()
ROWS = every_release.read()["rows"]
BY_ID = {gap.id: gap for gap in CATALOGUE.gaps}
# Read in the code or reported by others; no row checks these.
NOT_RUN = {"slot-kept", "foreign-continuation", "provider-dropped", "keyless-403"}


def covers(gap, release):
    return SpecifierSet(gap.affected).contains(release, prereleases=True)


def test_a_release_for_each_shape_of_the_fixed_handler_was_run():
    """Every shape of the fixed handler was run, with both sides and every row."""
    everywhere = {*PINS["litellm-every"], *PINS["litellm-every-full"]}
    assert ROWS.keys() == everywhere
    shapes = {
        each.handler_sha256
        for each in CATALOGUE.releases
        if each.state in {"fixed", "handshake-fixed"} and "dev" not in each.version
    }
    assert {CATALOGUE.release(name).handler_sha256 for name in everywhere} == shapes
    for release, sides in ROWS.items():
        for side in (STOCK, BRIDGE):
            assert set(every_release.ROWS) <= sides[side].keys(), (release, side)


def test_the_bridge_fails_nowhere():
    """The bridge is right in every row on every release."""
    for release, sides in ROWS.items():
        assert sides[BRIDGE] == {row: RIGHT[row] for row in sides[BRIDGE]}, release


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_covers_the_releases_that_have_it(name):
    """A gap's range, `seen_on` and fix agree with the runs."""
    for release, sides in ROWS.items():
        if (seen := GAPS[name](sides[STOCK])) is not None:
            assert covers(BY_ID[name], release) == seen, release
    assert list(BY_ID[name].seen_on) == every_release.seen_on(ROWS)[name]
    assert "2.0.0" in BY_ID[name].fixed_by


def test_what_stock_gets_wrong_is_a_gap_in_the_catalogue():
    """Each wrong outcome of stock has a gap in the catalogue."""
    for release, sides in ROWS.items():
        for row, words in sides[STOCK].items():
            if words == RIGHT[row]:
                continue
            alone = {row: words}
            told = {gap for gap, ask in GAPS.items() if ask(alone)} or BESIDES[row]
            assert any(covers(BY_ID[gap], release) for gap in told), (release, row, words)


def test_a_gap_of_a_fixed_release_is_asked_or_named_as_not_run():
    """Every gap of a fixed release has a row, or is listed as not run."""
    fixed = CATALOGUE.in_state("fixed", "handshake-fixed")
    gaps = {gap.id for release in fixed for gap in release.gaps}
    assert gaps == GAPS.keys() | NOT_RUN
    assert not any(BY_ID[name].fixed_by for name in NOT_RUN)


def test_the_page_says_what_the_file_says():
    """The page equals the text rendered from the file."""
    text = every_release.DOCS.read_text("utf-8")
    told = text.partition(every_release.MARK)[2].lstrip("\n")
    assert told == every_release.render(every_release.read())


def test_check_upgrade_and_the_readme_count_the_same_gaps():
    """`check-upgrade` and the README count the newest release's gaps as the runs do."""
    answer = upgrade.check(upgrade.assess_or_unknown(NEWEST, CATALOGUE), None, "2.0.0", CATALOGUE)
    seen = [name for name, of in every_release.seen_on(ROWS).items() if NEWEST in of]
    sentence = f"for {len(seen)} known gaps that patch 2.0.0 fixes"
    assert sentence in answer.sentence
    readme = " ".join((ROOT / "docs" / "operate.md").read_text("utf-8").split())
    assert re.findall(r"for \d+ known gaps that patch 2\.0\.0 fixes", readme) == [sentence]
