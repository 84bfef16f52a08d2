"""A change of LiteLLM: two assessments in, one verdict out."""

from __future__ import annotations

import pytest

from litellm_overlay.catalogue import assessment, releases, upgrade

PATCH = "2.0.0"
VERDICTS = {
    "no-endpoint": ("no-endpoint", False),
    "affected": ("still-needed", True),
    "handshake-fixed": ("still-needed", True),
    "fixed": ("fixed-upstream", True),
    "malicious": ("malicious", False),
}
IMAGE = "registry.example.com/berriai/litellm"


@pytest.fixture
def catalogue():
    return releases.load()


@pytest.fixture
def check(catalogue):
    """Return a function that checks an upgrade as the verb does."""

    def check(to, from_=None, patch=catalogue.default_patch_version):
        current = upgrade.assess_or_unknown(from_, catalogue) if from_ else None
        return upgrade.check(upgrade.assess_or_unknown(to, catalogue), current, patch, catalogue)

    return check


def one(sentences, *words):
    """Return the one sentence that has all these words; fail if there are none or several."""
    (results,) = [text for text in sentences if all(word in text for word in words)]
    return results


def test_every_release_has_a_verdict(check, catalogue):
    """Every release has its state's verdict as a target."""
    for release in catalogue.releases:
        result = check(release.version)
        assert (result.verdict, result.proceed) == VERDICTS[release.state]
        assert release.version in result.sentence
        assert result.steps


def test_between_any_two_releases_nothing_is_lost_or_told_twice(check, catalogue):
    """Between any two releases each advisory is reported once, as gone, staying or new."""
    runs = [catalogue.in_state(state) for state in releases.STATES]
    edges = {release.version for run in runs for release in (run[0], run[-1])}
    edges |= {"1.82.3", "1.83.6", "1.83.7", "1.83.10", "1.90.0", "1.106.0"}
    for old in edges:
        for new in edges:
            result = check(new, old)
            messages = [*result.gains, *result.losses, *result.remaining]
            assert len(messages) == len(set(messages))
            target, before = catalogue.release(new), catalogue.release(old)
            if target.state == "malicious":
                assert messages == [assessment.malware_notice(target)]
                continue
            for item in {*target.advisories, *before.advisories}:
                place = {
                    (True, False): result.losses,
                    (True, True): result.remaining,
                    (False, True): result.gains,
                }[item in target.advisories, item in before.advisories]
                one(place, f"{item.id}: ")


def test_an_affected_target_keeps_the_overlay(check):
    """An affected target needs the overlay; the result names the patch and a better release."""
    result = check("1.83.7")
    assert result.sentence == f"LiteLLM 1.83.7 needs the overlay; pin patch {PATCH}"
    one(result.remaining, "CVE-2026-40217", "fixed in 1.83.10")
    one(result.steps, "better move to 1.88.6")
    assert (result.gains, result.losses) == ((), ())


def test_a_fixed_target_needs_no_overlay_for_the_handshake(check, catalogue):
    """A fixed target needs no overlay, and measured gaps that the patch fixes are losses."""
    result = check("1.90.0")
    assert result.gains == (
        "the overlay may go, where the losses below do not matter",
        "an upgrade closes the advisories of older releases; the overlay closes none",
    )
    gaps = catalogue.release("1.90.0").gaps
    fixed = [gap.description for gap in gaps if PATCH in gap.fixed_by]
    assert list(result.losses) == fixed
    assert {*result.losses, *result.remaining} == {gap.description for gap in gaps}
    assert result.sentence == (
        "LiteLLM 1.90.0 needs no overlay for the handshake; keep the bridge (onFixed: patch) for "
        f"{len(fixed)} known gaps that patch {PATCH} fixes"
    )
    one(result.losses, "Codex 0.169 loses its instructions", "seen on 9 releases")
    one(result.losses, "apply_patch", "hangs for 300 s")
    one(result.remaining, "previous_response_id", "#39559")
    one(result.changes, "the bridge costs CPU", "make bench")
    one(result.changes, "it is cheaper where every provider is OpenAI or Azure itself")
    one(result.steps, "onFixed: patch.")
    one(result.steps, "upstream-fixed")


@pytest.mark.parametrize("current", [None, "1.88.6", "1.90.0"])
def test_the_bridge_that_stays_loses_nothing(catalogue, current):
    """With `onFixed: patch` an upgrade loses nothing."""
    target, before = (
        upgrade.assess_or_unknown(each, catalogue) if each else None
        for each in ("1.110.2", current)
    )
    result = upgrade.check(target, before, PATCH, catalogue, "patch")
    assert (result.verdict, result.losses) == ("fixed-upstream", ())
    open_ = [
        gap.description for gap in catalogue.release("1.110.2").gaps if PATCH not in gap.fixed_by
    ]
    assert list(result.remaining) == open_
    assert not [text for text in result.gains if "may go" in text]


def test_from_one_fixed_release_to_another_only_the_difference_counts(check):
    """Between two fixed releases only their differences count."""
    result = check("1.110.2", "1.90.0")
    one(result.gains, "no longer: ", "0 tokens")
    one(result.losses, "carries no status: Codex does not stop at it")
    one(result.remaining, "OpenAI and Azure: when the provider drops")
    assert "the overlay may go, where the losses below do not matter" not in result.gains


@pytest.mark.parametrize("current", [None, "1.88.6", "1.110.2"])
def test_a_newer_target_is_unreviewed(check, catalogue, current):
    """A newer target is unreviewed; the result says what to expect and how to check the file."""
    result = check("1.999.0", current)
    assert (result.verdict, result.proceed) == ("unreviewed", False)
    assert "chart, inject, render and pin go on" in result.sentence
    one(result.remaining, "advisories are not known here")
    expected = [f"to be expected: {gap.description}" for gap in catalogue.releases[-1].gaps]
    assert set(expected) <= set(result.remaining)
    assert "litellm-overlay diff 1.999.0" in result.steps
    one(result.steps, "--entrypoint sha256sum")


def test_back_to_the_overlay_only_what_tests_show_is_a_gain(check):
    """Back on an affected release only gaps that tests cover are gains."""
    gains = check("1.88.6", "1.90.0").gains
    one(gains, "no longer: ", "Codex 0.169 loses its instructions")
    assert not [text for text in gains if "previous_response_id" in text]


def test_a_gap_that_the_pinned_patch_fixes_is_none(check, catalogue):
    """A gap that the pinned patch fixes is not reported."""
    assert [gap.id for gap in catalogue.release("1.82.3").gaps] == ["upstream-url"]
    for current in (None, "1.90.0"):
        result = check("1.82.3", current)
        assert not [it for it in (*result.losses, *result.remaining) if "?model=" in it]


def test_half_a_fix_keeps_the_overlay(check):
    """1.89 needs the overlay, which fixes its hanging first turn."""
    result = check("1.89.3")
    assert result.sentence == f"LiteLLM 1.89.3 needs the overlay; pin patch {PATCH}"
    assert not [text for text in (*result.losses, *result.remaining) if "hangs" in text]


def test_malware_is_named_and_nothing_else(check):
    """Malware gets a warning only, also by a doubtful name, and no command that starts it."""
    for to in ("1.82.7", "1.82.8", "1.107.0", "mirror/llm:v1.82.7", "llm:1.88.6-of-1.107.0"):
        result = check(to, "1.82.3")
        assert "is MALWARE: never start it" in result.sentence
        assert (result.gains, result.losses) == ((), ())
        one(result.remaining, "compromised-upload")
        assert not [step for step in result.steps if "docker run" in step or "diff" in step]


def test_what_is_known_second_hand_is_told_so(check):
    """Second-hand knowledge of malware is marked as such."""
    one(check("1.107.0").remaining, "Read second-hand", "litellm-check 0.1.0", "https://")


def test_malware_that_runs_now_is_not_passed_over(check):
    """Malware that runs now is reported for every target."""
    for to in ("1.90.0", "1.82.7", "main-latest"):
        one(check(to, "1.82.8").changes, "which runs now, is MALWARE. ", "rotate")


def test_a_release_without_the_endpoint_loses_websocket(check):
    """A target without the endpoint loses WebSocket, unless the current release has none."""
    for current in (None, "1.88.6", "1.90.0"):
        assert "Codex works over HTTP only" in check("1.82.0", current).losses
    assert "Codex works over HTTP only" not in check("1.82.0", "1.81.6").losses


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("1.74.0", "the catalogue begins with"),
        (f"{IMAGE}:v1.96.1", "the nearest are 1.96.0 (fixed)"),
        (f"{IMAGE}:main-latest", "moves"),
        (f"{IMAGE}@sha256:{'ab' * 32}", "a digest alone"),
    ],
)
def test_what_is_not_known_is_told_how_to_find_out(check, to, why):
    """An unknown target gets a command that finds it out by the file's hash."""
    result = check(to, "1.88.6")
    assert (result.verdict, result.proceed) == ("unknown", False)
    assert why in result.sentence
    command = one(result.steps, "--entrypoint sha256sum")
    assert (to if "/" in to else "IMAGE") in command
    assert "  litellm-overlay releases --sha256 HASH" in result.steps
    assert "  litellm-overlay diff FILE" in result.steps


def test_a_doubtful_tag_is_answered_for_the_nearest_release(check):
    """A doubtful tag is answered for the nearest release, with the doubt and a command."""
    result = check(f"{IMAGE}:v1.83.3-stable.patch.2")
    assert result.verdict == "still-needed"
    assert result.sentence.startswith(f"{IMAGE}:v1.83.3-stable.patch.2, probably LiteLLM 1.83.3, ")
    one(result.steps, "--entrypoint sha256sum")


def test_what_runs_now_may_be_doubtful_or_unknown(check):
    """A doubtful or unknown current release is reported; the verdict is about the target."""
    one(check("1.90.0", f"{IMAGE}:v1.83.3-stable.patch.2").changes, "is a guess", "hotfix")
    result = check("1.90.0", "main-latest")
    assert (result.verdict, result.current.release) == ("fixed-upstream", None)
    one(result.changes, "cannot be compared", "moves")
    assert result.losses == check("1.90.0").losses


@pytest.mark.parametrize(
    ("from_", "to", "words"),
    [
        ("1.82.3", "1.88.6", ("path moves from /usr/", "to /app/.venv/", "modulePath")),
        ("1.88.6", "1.82.3", ("path moves from /app/.venv/", "to /usr/")),
        ("1.82.3", "1.83.8", ("path may move from /usr/", "or /app/.venv/")),
        ("1.83.8", "1.90.0", ("path may move from /usr/", "to /app/.venv/")),
        ("1.82.3", "1.83.8", ("exist in 2 layouts: set modulePath",)),
        ("1.90.0", "1.88.6", ("a downgrade, from 1.90.0",)),
        ("1.90.0", "1.88.6", ("without the overlay: put it in",)),
        ("1.82.0", "1.88.6", ("without the overlay: put it in",)),
        ("1.88.5", "1.88.6", ("what render or inject has printed",)),
        ("1.88.6", f"{IMAGE}:v1.88.6", ("the release that runs now",)),
        ("1.88.6", f"{IMAGE}:v1.88.6", ("what render or inject has printed",)),
    ],
)
def test_what_else_changes(check, from_, to, words):
    """Changes to values and manifests are reported."""
    one(check(to, from_).changes, *words)


def test_no_change_is_no_change(check):
    """For the same release no change is reported."""
    assert check("1.88.6", "1.88.6").changes == ("it is the release that runs now",)
    assert not [text for text in check("1.88.6", "1.88.5").changes if "path" in text]


def test_every_state_has_a_verdict():
    """Every state has a verdict."""
    assert set(upgrade.VERDICTS) == set(assessment.MEANING)


def test_what_comes_back_depends_on_the_patch_that_runs(check):
    """With the relay an upgrade loses less than with the bridge, which fixes more."""
    bridge, relay = (check("1.90.0", patch=patch) for patch in ("2.0.0", "1.0.0"))
    assert bridge.sentence == relay.sentence  # only the bridge can stay, not the relay
    assert set(relay.losses) < set(bridge.losses)
