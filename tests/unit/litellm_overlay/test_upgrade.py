"""What a change of LiteLLM means: two answers in, one verdict out."""

from __future__ import annotations

import pytest

from litellm_overlay import advice, catalogue, upgrade

PATCH = "2.0.0"
VERDICTS = {
    "no-endpoint": ("no-endpoint", False),
    "affected": ("still-needed", True),
    "handshake-fixed": ("half-fixed", False),
    "fixed": ("fixed-upstream", True),
    "malicious": ("malicious", False),
}
IMAGE = "registry.example.com/berriai/litellm"


@pytest.fixture
def known():
    return catalogue.load()


@pytest.fixture
def check(known):
    """Ask as the verb does."""

    def check(to, from_=None, patch=known.default_patch_version):
        current = upgrade.ask(from_, known) if from_ else None
        return upgrade.check(upgrade.ask(to, known), current, patch, known)

    return check


def one(sentences, *words):
    """Return the one sentence that has all these words."""
    (found,) = [text for text in sentences if all(word in text for word in words)]
    return found


def test_every_release_has_a_verdict(check, known):
    """Of whatever state, upgraded to from nothing in particular."""
    for release in known.releases:
        found = check(release.version)
        assert (found.verdict, found.proceed) == VERDICTS[release.state]
        assert release.version in found.sentence
        assert found.steps


def test_between_any_two_releases_nothing_is_lost_or_told_twice(check, known):
    """Advisories that go, stay and come are those of the two releases; each is told once."""
    runs = [known.in_state(state) for state in catalogue.STATES]
    edges = {release.version for run in runs for release in (run[0], run[-1])}
    edges |= {"1.82.3", "1.83.6", "1.83.7", "1.83.10", "1.90.0", "1.106.0"}
    for old in edges:
        for new in edges:
            found = check(new, old)
            told = [*found.gains, *found.losses, *found.remaining]
            assert len(told) == len(set(told))
            target, before = known.release(new), known.release(old)
            if target.state == "malicious":
                assert told == []
                continue
            for item in {*target.advisories, *before.advisories}:
                place = {
                    (True, False): found.losses,
                    (True, True): found.remaining,
                    (False, True): found.gains,
                }[item in target.advisories, item in before.advisories]
                one(place, f"{item.id}: ")


def test_an_affected_target_keeps_the_overlay(check):
    """With the patch version to pin, and the better choice where there is one."""
    found = check("1.83.7")
    assert found.sentence == f"LiteLLM 1.83.7 needs the overlay; pin patch {PATCH}"
    one(found.remaining, "CVE-2026-40217", "fixed in 1.83.10")
    one(found.steps, "better move to 1.88.6")
    assert (found.gains, found.losses) == ((), ())


def test_a_fixed_target_frees_of_the_overlay_and_says_the_price(check, known):
    """What tests show the patch to do right is a loss; what none shows is only a known gap."""
    found = check("1.90.0")
    assert found.gains == ("no overlay to carry",)
    gaps = known.release("1.90.0").gaps
    mended = [f"{gap.what} ({gap.basis})" for gap in gaps if PATCH in gap.mended_by]
    assert list(found.losses) == mended
    assert {*found.losses, *found.remaining} == {f"{gap.what} ({gap.basis})" for gap in gaps}
    assert f"{len(mended)} known gaps that patch {PATCH} mends today come back" in found.sentence
    one(found.losses, "Codex 0.169 loses its instructions", "measured on 1.109.1")
    one(found.remaining, "previous_response_id", "#39559")
    one(found.steps, "Remove the overlay")
    one(found.steps, "upstream-fixed")


def test_from_one_fixed_release_to_another_only_the_difference_counts(check):
    """There was no overlay to lose."""
    found = check("1.90.0", "1.89.7")
    one(found.gains, "no longer: ", "warm-up becomes a real model call")
    assert found.losses == (one(found.losses, "Codex 0.169 loses its instructions"),)
    one(found.remaining, "Codex waits 300 s", "the provider drops")
    assert "come back" not in found.sentence
    assert "no overlay to carry" not in found.gains


def test_back_to_the_overlay_only_what_tests_show_is_a_gain(check):
    """What an affected release does under the patch with the other gaps, nobody has tried."""
    gains = check("1.88.6", "1.90.0").gains
    one(gains, "no longer: ", "Codex 0.169 loses its instructions")
    assert not [text for text in gains if "previous_response_id" in text]


def test_a_gap_that_the_pinned_patch_mends_is_none(check, known):
    """It is met with 1.0.0 only."""
    assert [gap.id for gap in known.release("1.82.3").gaps] == ["upstream-url"]
    for current in (None, "1.90.0"):
        found = check("1.82.3", current)
        assert not [it for it in (*found.losses, *found.remaining) if "?model=" in it]


def test_half_fixed_names_the_release_to_go_to(check):
    """The first final one that is fixed."""
    found = check("1.89.3")
    assert "Codex can hang" in found.sentence
    one(found.losses, "a model name that only the proxy knows fails")
    assert found.steps[-1] == "Move to 1.90.0 or later."
    assert found.changes == ()


def test_malware_is_named_and_nothing_else(check):
    """In doubt too; and nobody is told to start it to look."""
    for to in ("1.82.7", "1.82.8", "mirror/llm:v1.82.7"):
        found = check(to, "1.82.3")
        assert "is MALWARE: never start it" in found.sentence
        assert (found.gains, found.losses, found.remaining) == ((), (), ())
        assert not [step for step in found.steps if "docker run" in step or "diff" in step]


def test_malware_that_runs_now_is_not_passed_over(check):
    """Whatever the target is."""
    for to in ("1.90.0", "1.82.7", "main-latest"):
        one(check(to, "1.82.8").changes, "which runs now, is MALWARE. ", "rotate")


def test_a_release_without_the_endpoint_loses_websocket(check):
    """From an overlaid or a fixed release; not from one that has none either."""
    for current in (None, "1.88.6", "1.90.0"):
        assert "Codex works over HTTP only" in check("1.82.0", current).losses
    assert "Codex works over HTTP only" not in check("1.82.0", "1.81.6").losses


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("99.1.0", "the catalogue ends with"),
        ("1.74.0", "the catalogue begins with"),
        (f"{IMAGE}:v1.97.1", "the nearest are 1.97.0 (fixed)"),
        (f"{IMAGE}:main-latest", "moves"),
        (f"{IMAGE}@sha256:{'ab' * 32}", "a digest alone"),
    ],
)
def test_what_is_not_known_is_told_how_to_find_out(check, to, why):
    """By the hash of the file, and by what the pod would do with it."""
    found = check(to, "1.88.6")
    assert (found.verdict, found.proceed) == ("unknown", False)
    assert why in found.sentence
    command = one(found.steps, "--entrypoint sha256sum")
    assert (to if "/" in to else "IMAGE") in command
    assert "  litellm-overlay releases --sha256 HASH" in found.steps
    assert "  litellm-overlay diff FILE" in found.steps


def test_a_doubtful_tag_is_answered_for_the_nearest_release(check):
    """And says so, and how to ask the file."""
    found = check(f"{IMAGE}:v1.83.3-stable.patch.2")
    assert found.verdict == "still-needed"
    assert found.sentence.startswith(f"{IMAGE}:v1.83.3-stable.patch.2, probably LiteLLM 1.83.3, ")
    one(found.steps, "--entrypoint sha256sum")


def test_what_runs_now_may_be_doubtful_or_unknown(check):
    """Then that is said; the answer is for the target."""
    one(check("1.90.0", f"{IMAGE}:v1.83.3-stable.patch.2").changes, "is a guess", "hotfix")
    found = check("1.90.0", "main-latest")
    assert (found.verdict, found.current.release) == ("fixed-upstream", None)
    one(found.changes, "cannot be compared", "moves")
    assert found.losses == check("1.90.0").losses


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
    """In values and manifests."""
    one(check(to, from_).changes, *words)


def test_no_change_is_no_change(check):
    """The same image again: nothing moves, nothing is to be made anew."""
    assert check("1.88.6", "1.88.6").changes == ("it is the release that runs now",)
    assert not [text for text in check("1.88.6", "1.88.5").changes if "path" in text]


def test_every_state_has_a_verdict():
    """One that is added must be thought of here."""
    assert set(upgrade.VERDICTS) == set(advice.MEANING)


def test_what_comes_back_depends_on_the_patch_that_runs(check):
    """The relay mends less, so less is lost with it."""
    bridge, relay = (check("1.90.0", patch=patch) for patch in ("2.0.0", "1.0.0"))
    assert "8 known gaps that patch 2.0.0 mends today come back" in bridge.sentence
    assert "3 known gaps that patch 1.0.0 mends today come back" in relay.sentence
    assert set(relay.losses) < set(bridge.losses)
