"""The catalogue: its facts about releases, and the mistakes that it refuses."""

from __future__ import annotations

import dataclasses
import json
import re
from importlib import resources

import pytest
from packaging.version import Version

from litellm_overlay.catalogue import assessment, releases
from litellm_overlay.errors import NotInCatalogueError

TEXT = resources.files("litellm_overlay.catalogue").joinpath("catalogue.json").read_text("utf-8")
SHA256 = re.compile(r"[0-9a-f]{64}")


@pytest.fixture
def catalogue():
    return releases.load()


def changed(**changes):
    """Return the catalogue's text with some keys replaced."""
    return json.dumps({**json.loads(TEXT), **changes})


def test_releases_are_sorted_and_unique(catalogue):
    """Releases are unique and in PEP 440's order."""
    versions = [Version(release.version) for release in catalogue.releases]
    assert versions == sorted(set(versions))


def test_the_affected_releases_are_the_76_from_1_82_1_to_1_88_6(catalogue):
    """76 releases are affected, from 1.82.1 to 1.88.6."""
    affected = catalogue.in_state("affected")
    assert len(affected) == 76
    assert (affected[0].version, affected[-1].version) == ("1.82.1", "1.88.6")
    assert catalogue.newest_affected == "1.88.6"


def test_the_affected_range_has_no_gap(catalogue):
    """Within the affected range only the malicious releases are not affected."""
    versions = [release.version for release in catalogue.releases]
    within = catalogue.releases[versions.index("1.82.1") : versions.index("1.88.6") + 1]
    others = [release.version for release in within if release.state != "affected"]
    assert others == ["1.82.7", "1.82.8"]


def test_states_come_in_unbroken_runs(catalogue):
    """The states follow each other without a return to an earlier one."""
    runs = [release.state for release in catalogue.releases if release.state != "malicious"]
    order = ["no-endpoint", "affected", "handshake-fixed", "fixed"]
    assert runs == sorted(runs, key=order.index)
    assert len(catalogue.in_state("handshake-fixed")) == 10
    assert len(catalogue.in_state("fixed")) >= 179


def test_the_affected_files_are_three_with_one_handler(catalogue):
    """The affected releases have three files and one handler, so one patch suffices."""
    affected = catalogue.in_state("affected")
    assert len({release.endpoints_sha256 for release in affected}) == 3
    assert {release.handler_sha256 for release in affected} == {
        "0b54c441bf026c8b76683bec4aacdf501559171507f6ed6ec0155c16d83df38b"
    }


def test_every_hash_is_well_formed(catalogue):
    """Each release has exactly the hashes of its state."""
    for release in catalogue.releases:
        for hash_, there in zip(
            (release.endpoints_sha256, release.handler_sha256),
            releases.HASHES[release.state],
            strict=True,
        ):
            assert bool(hash_ and SHA256.fullmatch(hash_)) == there, release.version


def test_what_a_gap_tells(catalogue):
    """A gap's description says where it was seen and what fixes it, or its source."""
    gaps = {gap.id: gap.description for gap in catalogue.gaps}
    assert gaps["budget"].endswith(
        " (seen on 10 releases, 1.89.7 to 1.110.2; patch 2.0.0 fixes it)"
    )
    assert " (seen on 1.109.3, 1.110.2; patch 2.0.0 fixes it)" in gaps["hooks-without-status"]
    assert gaps["keyless-403"].endswith(" (reported upstream (#41080, open; releases not named))")


def test_a_gap_was_seen_where_it_is_said_to_be(catalogue):
    """A gap's range covers every release on which it was seen."""
    for gap in catalogue.gaps:
        for version in gap.seen_on:
            assert gap in catalogue.release(version).gaps, (gap.id, version)


def test_no_hash_is_shared_by_a_patched_and_an_unpatched_state(catalogue):
    """No affected file's hash belongs to another state, so the guard can decide by hash."""
    affected = {release.endpoints_sha256 for release in catalogue.in_state("affected")}
    others = catalogue.in_state("no-endpoint", "handshake-fixed", "fixed")
    assert not affected & {release.endpoints_sha256 for release in others}


@pytest.mark.parametrize("kind", ["advisories", "gaps"])
def test_every_advisory_and_gap_is_used(catalogue, kind):
    """Every advisory and gap applies to some release."""
    listed = [item["id"] for item in json.loads(TEXT)[kind]]
    used = {item.id for release in catalogue.releases for item in getattr(release, kind)}
    assert sorted(listed) == sorted(used)


def test_every_fact_by_hand_says_where_it_is_from():
    """Every fact that is not measured names its source."""
    data = json.loads(TEXT)
    assert all(item["source"].startswith("https://") for item in data["advisories"])
    assert all(item["basis"] for item in (*data["gaps"], *data["module_paths"]))


def test_an_advisory_does_not_hit_the_release_that_fixes_it(catalogue):
    """An advisory does not apply to the release that fixes it."""
    for release in catalogue.releases:
        for advisory in release.advisories:
            assert Version(release.version) < Version(advisory.fixed_in)


@pytest.mark.parametrize(
    ("advisory", "last", "first"),
    [
        ("CVE-2026-42208", "1.83.6", "1.83.7"),
        ("CVE-2026-30623", "1.83.5", "1.83.6"),
        ("CVE-2026-12797", "1.84.0.dev2", "1.84.0rc1"),
        ("CVE-2026-49468", "1.84.0rc1", "1.84.0"),
    ],
)
def test_advisories_end_where_the_fix_came(catalogue, advisory, last, first):
    """An advisory applies up to the last release before its fix."""
    assert advisory in [item.id for item in catalogue.release(last).advisories]
    assert advisory not in [item.id for item in catalogue.release(first).advisories]


def test_gaps_tell_the_two_kinds_of_fixed_apart(catalogue):
    """1.89 has gaps that 1.90 no longer has."""
    old = {gap.id for gap in catalogue.release("1.89.7").gaps}
    new = {gap.id for gap in catalogue.release("1.90.0rc1").gaps}
    assert {"warmup-is-a-call", "alias-hangs", "later-model-native"} == old - new
    # 1.89 changes models with OpenAI and Azure; its warm-up is a call, so nothing is lost.
    assert new - old == {"model-switch", "warmup-input-lost"}


@pytest.mark.parametrize(
    ("version", "families"),
    [("1.82.3", ["system"]), ("1.83.8", ["system", "venv"]), ("1.88.6", ["venv"])],
)
def test_module_paths_by_release(catalogue, version, families):
    """A release has its image's module paths, or both where the layout is not certain."""
    assert [item.family for item in catalogue.paths_of(version)] == families


@pytest.mark.parametrize(
    ("spelling", "version"),
    [("1.88.6", "1.88.6"), ("v1.88.6", "1.88.6"), ("1.84.0-rc.1", "1.84.0rc1")],
)
def test_a_release_is_found_in_any_spelling(catalogue, spelling, version):
    """A release is found by each spelling of its version."""
    assert catalogue.release(spelling).version == version


@pytest.mark.parametrize(
    ("version", "hint"),
    [
        ("99.0", "the catalogue ends with"),
        ("1.74.0", "the catalogue begins with 1.75.0"),
        ("1.83.15", "the nearest are 1.83.14 (affected) and 1.84.0.dev1 (affected)"),
        ("1.88.6+mine", "the nearest are 1.88.6 (affected) and 1.89.0rc1 (handshake-fixed)"),
        ("newest", "a version looks like"),
    ],
)
def test_an_unknown_release_is_refused_with_the_next_step(catalogue, version, hint):
    """An unknown release is refused with exit code 3 and a fitting hint."""
    with pytest.raises(NotInCatalogueError) as refused:
        catalogue.release(version)
    assert refused.value.exit_code == 3
    assert refused.value.hint.startswith(hint)


def test_the_default_patch_version_is_the_newest(catalogue):
    """The newest patch version is the default, and both lines are available."""
    assert catalogue.default_patch_version == max(catalogue.patch_versions, key=Version)
    assert catalogue.patch_versions["1.0.0"].line == "relay"
    assert catalogue.patch_versions["2.0.0"].line == "bridge"


def test_the_catalogue_is_read_once_and_cannot_be_changed(catalogue):
    """The catalogue is loaded once and immutable."""
    assert releases.load() is catalogue
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalogue.releases[0].state = "fixed"
    with pytest.raises(TypeError):
        catalogue.patch_versions["3.0.0"] = None


ROW = json.loads(TEXT)["releases"][-1]
GAP = json.loads(TEXT)["gaps"][-1]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"releases": [ROW, ROW]}, "not sorted, or one stands twice"),
        ({"releases": [ROW, {**ROW, "version": "1.80.0"}]}, "not sorted"),
        ({"releases": [{**ROW, "state": "mended"}]}, "unknown state 'mended'"),
        ({"releases": [{**ROW, "endpoints_sha256": "abc"}]}, "do not fit its state"),
        ({"releases": [{**ROW, "handler_sha256": None}]}, "do not fit its state"),
        ({"releases": [{**ROW, "state": "malicious"}]}, "do not fit its state"),
        ({"releases": [{**ROW, "uploaded": "yesterday"}]}, "yesterday"),
        ({"default_patch_version": "9.0.0"}, "not among the patch versions"),
        ({"patch_versions": {"2.0.0": {"digest": "", "line": "", "summary": ""}}}, "no sha256"),
        ({"malicious_images": {"sha256:abc": "1.107.0"}}, "image sha256:abc has no sha256"),
        ({"malicious_images": {f"sha256:{'a' * 64}": "1.88.6"}}, "1.88.6 is not malicious"),
        ({"gaps": [{**GAP, "fixed_by": ["9.0.0"]}]}, "unknown patch version 9.0.0"),
    ],
)
def test_a_catalogue_that_contradicts_itself_is_refused(changes, complaint):
    """A contradictory catalogue is refused when it is read."""
    with pytest.raises(ValueError, match=complaint):
        releases.parse(changed(**changes))


MALICIOUS_INDEX = "sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e"


@pytest.mark.parametrize(
    ("asked", "release", "exact"),
    [
        ("1.107.0", "1.107.0", True),
        ("1.107.0+ours", "1.107.0", False),
        ("litellm:v1.107.0", "1.107.0", True),
        ("acme/gateway:v1.88.6-was-1.82.7", "1.82.7", False),
        ("Not An Image:v1.82.8", "1.82.8", False),
        (f"litellm:v1.88.6@{MALICIOUS_INDEX}", "1.107.0", True),
        (f"docker-pullable://r/llm@{MALICIOUS_INDEX}", "1.107.0", True),
    ],
)
def test_malware_by_any_name(asked, release, exact):
    """Malware is recognized by version, tag or digest, whatever else is given."""
    assessed = assessment.assess(asked, releases.load())
    assert (assessed.release.version, assessed.state, assessed.exact) == (
        release,
        "malicious",
        exact,
    )
    assert assessed.why or exact


@pytest.mark.parametrize("asked", ["1.107.0rc2", "1.107.0.dev3", "litellm:v1.107.0-rc.1"])
def test_a_pre_release_is_not_the_malware(asked):
    """A malicious release's pre-release is not malicious."""
    assert assessment.assess(asked, releases.load()).state == "fixed"


def test_the_malicious_images():
    """The malicious images are known by the digest of their index."""
    assert releases.load().malicious_images == {MALICIOUS_INDEX: "1.107.0"}


def test_every_malicious_release_says_where_that_is_known_from():
    """Every malicious release names its source, and says if it is second-hand."""
    told = {r.version: assessment.malware_notice(r) for r in releases.load().in_state("malicious")}
    assert all("Source: https://" in text for text in told.values())
    assert [version for version, text in told.items() if "second-hand" in text] == ["1.107.0"]
