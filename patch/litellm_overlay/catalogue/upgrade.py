"""Judge an upgrade of LiteLLM: two assessments in, one verdict out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from litellm_overlay.catalogue import assessment
from litellm_overlay.catalogue.assessment import NEEDS_OVERLAY, Assessment
from litellm_overlay.catalogue.releases import UNREVIEWED
from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue.releases import Catalogue, Release

VERDICTS = {
    "affected": "still-needed",
    "fixed": "fixed-upstream",
    "handshake-fixed": "still-needed",
    UNREVIEWED: "unreviewed",
    "no-endpoint": "no-endpoint",
    "malicious": "malicious",
    "unknown": "unknown",
}
# CPU time of the proxy for one warm turn, measured once on two busy cores, 2026-11-25.
PRICE = (
    "the bridge costs CPU: a warm turn on 1.110.2 took the proxy 60 ms, as over HTTP (53 ms); its "
    "own WebSocket to OpenAI took 13 ms (measured once; make bench shows time and ratio)"
)
CHEAPER = (
    "without the bridge it is cheaper where every provider is OpenAI or Azure itself and neither "
    "limits, budgets, guardrails nor restricted keys matter, from 1.109 on"
)
_STATUS = "  litellm-overlay status"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The effects of an upgrade from `current` to `target`.

    If `current` is None, an affected release with the overlay is assumed. The tuples hold
    sentences. `gains` are improvements, `losses` are regressions, and `remaining` are the target's
    other faults. `changes` are further effects. `steps` are what to do, with commands to copy.
    """

    target: Assessment
    current: Assessment | None
    verdict: str
    proceed: bool
    sentence: str
    gains: tuple[str, ...]
    losses: tuple[str, ...]
    remaining: tuple[str, ...]
    changes: tuple[str, ...]
    steps: tuple[str, ...]


def assess_or_unknown(asked: str, catalogue: Catalogue) -> Assessment:
    """Return the assessment; of state "unknown" if the release is not in the catalogue.

    Raises ValueError if the text is neither a version nor an image reference.
    """
    try:
        return assessment.assess(asked, catalogue)
    except NotInCatalogueError as error:
        return Assessment(asked, None, exact=False, why=f"{error.message}; {error.hint}")


def check(
    target: Assessment,
    current: Assessment | None,
    patch: str,
    catalogue: Catalogue,
    on_fixed: str = "passthrough",
) -> Upgrade:
    """Return the verdict on an upgrade, with its effects and the next steps.

    `patch` is the patch version that runs now. `on_fixed` is the guard's setting, before and after.
    """
    verdict = VERDICTS[target.state]
    proceed = verdict in {"still-needed", "fixed-upstream"}
    effects: list[tuple[str, str]] = []
    if target.release and verdict == "malicious":  # its other faults do not matter
        effects += [("remains", assessment.malware_notice(target.release))]
    elif target.release:
        before = current.release if current else None
        bridged = assessment.patched_states(on_fixed)
        effects += _gaps(target.release, before, patch, bridged)
        effects += _advisories(target.release, before)
    changes = list(_about_current(target, current))
    if verdict == "fixed-upstream":
        changes += [PRICE, CHEAPER]
    if proceed or verdict == "unreviewed":
        changes += _manifests(target, current, catalogue)
    return Upgrade(
        target=target,
        current=current,
        verdict=verdict,
        proceed=proceed,
        sentence=_sentence(verdict, target, patch, catalogue),
        gains=tuple(text for kind, text in effects if kind == "gain"),
        losses=tuple(text for kind, text in effects if kind == "loss"),
        remaining=tuple(text for kind, text in effects if kind == "remains"),
        changes=tuple(changes),
        steps=(*assessment.next_steps(target, catalogue), *_steps(verdict)),
    )


def _sentence(verdict: str, target: Assessment, patch: str, catalogue: Catalogue) -> str:
    name = f"LiteLLM {target.release.version}" if target.release else target.asked
    if target.release and not target.exact:
        name = f"{target.asked}, probably {name},"
    bridge = catalogue.default_patch_version
    gaps = target.release.gaps if target.release else ()
    fixed_gaps = sum(bridge in gap.fixed_by for gap in gaps)
    sentences = {
        "still-needed": f"needs the overlay; pin patch {patch}",
        "fixed-upstream": "needs no overlay for the handshake; keep the bridge (onFixed: patch) "
        f"for {fixed_gaps} known gaps that patch {bridge} fixes",
        "unreviewed": "is newer than what this catalogue knows: nobody here has looked at it. "
        "chart, inject, render and pin go on, and the guard in the pod decides by the file",
        "no-endpoint": "has no Responses WebSocket endpoint: the overlay refuses it",
        "malicious": "is MALWARE: never start it",
        "unknown": f"cannot be judged: {target.why}",
    }
    return f"{name} {sentences[verdict]}"


def _gaps(
    target: Release, before: Release | None, patch: str, patched: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Yield ("gain", "loss" or "remains", sentence) for what changes for Codex, or stays wrong.

    `patched` are the states that the guard patches. A release in one of them has only the gaps that
    the patch leaves open. A patch counts as fixing a gap only if tests have shown it (`fixed_by`).
    """
    overlaid = before is None or before.state in patched
    old = before.gaps if before and not overlaid else ()
    if target.state == "no-endpoint":
        if overlaid or old:
            yield "loss", "Codex works over HTTP only"
        return
    if target.state == "fixed" and overlaid and target.state not in patched:
        yield "gain", "the overlay may go, where the losses below do not matter"
    for gap in old:
        if gap not in target.gaps and (target.state not in patched or patch in gap.fixed_by):
            yield "gain", f"no longer: {gap.what}"
    for gap in target.gaps:
        is_fixed = patch in gap.fixed_by
        if target.state in patched and is_fixed:
            continue
        if target.state == UNREVIEWED:
            yield "remains", f"to be expected: {gap.description}"
            continue
        worse = is_fixed if overlaid else old and gap not in old
        yield "loss" if worse else "remains", gap.description


def _advisories(target: Release, before: Release | None) -> Iterator[tuple[str, str]]:
    if target.state == UNREVIEWED:
        yield "remains", "its advisories are not known here: ask a scanner"
        return
    if before is None and target.state == "fixed":
        yield "gain", "an upgrade closes the advisories of older releases; the overlay closes none"
    old = before.advisories if before else target.advisories
    for item in old:
        if item not in target.advisories:
            yield "gain", f"without {item.id}: {item.what}"
    for item in target.advisories:
        kind = "remains" if item in old else "loss"
        yield kind, f"{item.id}: {item.what}; fixed in {item.fixed_in}"


def _about_current(target: Assessment, current: Assessment | None) -> Iterator[str]:
    if current is None:
        return
    if current.release is None:
        yield f"{current.asked}, which runs now, cannot be compared: {current.why}"
        return
    name = f"LiteLLM {current.release.version}, which runs now,"
    if current.state == "malicious":
        yield f"{name} is {assessment.MEANING['malicious']}"
    if not current.exact:
        yield f"{name} is a guess from {current.asked}: {current.why}"
    if target.release is None:
        return
    if target.release == current.release:
        yield "it is the release that runs now"
    elif Version(target.release.version) < Version(current.release.version):
        yield f"it is a downgrade, from {current.release.version}"
    if target.state in NEEDS_OVERLAY and current.state in {"no-endpoint", "fixed"}:
        yield f"{name} does without the overlay: put it in together with the new image"


def _manifests(
    target: Assessment, current: Assessment | None, catalogue: Catalogue
) -> Iterator[str]:
    """Yield the changes to values and manifests that the upgrade needs with the overlay."""
    if current and target.asked == current.asked:
        return
    new, old = (
        [item.path for item in catalogue.paths_of(each.release.version)]
        if each and each.release
        else []
        for each in (target, current)
    )
    if old and new != old:
        yield (
            f"the module's path {'may move' if set(old) & set(new) else 'moves'} from "
            f"{' or '.join(old)} to {' or '.join(new)}; change modulePath where it is set"
        )
    if len(new) > 1:
        yield f"images of it exist in {len(new)} layouts: set modulePath, {' or '.join(new)}"
    yield "render again what render or inject has printed: init container and proxy have one image"


def _steps(verdict: str) -> list[str]:
    """Return the steps for a verdict, to follow those of `assessment`."""
    return {
        "still-needed": ["After the upgrade this must say patched:", _STATUS],
        "fixed-upstream": [
            "After the upgrade this says upstream-fixed, or patched under onFixed: patch:",
            _STATUS,
        ],
        "unreviewed": ["After the upgrade this says what the guard decided, and why:", _STATUS],
        "no-endpoint": ["Leave the overlay out, or choose a release that has the endpoint."],
        "unknown": [
            "If no release has that hash, ask what the pod would do with the file:",
            "  litellm-overlay diff FILE",
            "The chart, render and inject want modulePath then; the guard decides by the file.",
        ],
    }.get(verdict, [])
