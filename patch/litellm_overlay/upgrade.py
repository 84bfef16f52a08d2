"""May LiteLLM be changed, and what of the overlay then: two answers in, one verdict out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from litellm_overlay import advice
from litellm_overlay.advice import Answer
from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue import Catalogue, Release

VERDICTS = {
    "affected": "still-needed",
    "fixed": "fixed-upstream",
    "handshake-fixed": "half-fixed",
    "no-endpoint": "no-endpoint",
    "malicious": "malicious",
    "unknown": "unknown",
}
_FIXED = ("handshake-fixed", "fixed")
_STATUS = "  litellm-overlay status"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What it means to put `target` in the place of `current`.

    `current` is None where nobody said what runs now: then that is taken for an affected release
    with the overlay. The tuples are sentences: what gets better, what gets worse, what is wrong
    with the target besides, what else changes, and what to do, with commands to copy.
    """

    target: Answer
    current: Answer | None
    verdict: str
    proceed: bool
    sentence: str
    gains: tuple[str, ...]
    losses: tuple[str, ...]
    remaining: tuple[str, ...]
    changes: tuple[str, ...]
    steps: tuple[str, ...]


def ask(asked: str, known: Catalogue) -> Answer:
    """Answer as `advice` does; here "not in the catalogue" is an answer too, of state unknown."""
    try:
        return advice.answer(asked, known)
    except NotInCatalogueError as error:
        return Answer(asked, None, exact=False, why=f"{error.message}; {error.hint}")


def check(target: Answer, current: Answer | None, patch: str, known: Catalogue) -> Upgrade:
    """Return the verdict, and what speaks for and against; `patch` is the version that runs now."""
    verdict = VERDICTS[target.state]
    proceed = verdict in {"still-needed", "fixed-upstream"}
    effects: list[tuple[str, str]] = []
    if target.release and verdict != "malicious":  # whatever else is wrong with malware
        before = current.release if current else None
        effects += _gaps(target.release, before, patch)
        effects += _advisories(target.release, before)
    changes = list(_about_current(target, current))
    if proceed:
        changes += _manifests(target, current, known)
    returning = sum(kind == "returns" for kind, _ in effects)
    return Upgrade(
        target=target,
        current=current,
        verdict=verdict,
        proceed=proceed,
        sentence=_sentence(verdict, target, returning, patch),
        gains=tuple(text for kind, text in effects if kind == "gain"),
        losses=tuple(text for kind, text in effects if kind in {"returns", "loss"}),
        remaining=tuple(text for kind, text in effects if kind == "remains"),
        changes=tuple(changes),
        steps=(*advice.next_steps(target, known), *_steps(verdict)),
    )


def _sentence(verdict: str, target: Answer, returning: int, patch: str) -> str:
    name = f"LiteLLM {target.release.version}" if target.release else target.asked
    if target.release and not target.exact:
        name = f"{target.asked}, probably {name},"
    gaps = f"{returning} known gaps that patch {patch} mends today come back"
    price = f"; {gaps}" if returning else ""
    said = {
        "still-needed": f"needs the overlay; pin patch {patch}",
        "fixed-upstream": f"needs no overlay: it may be removed after the upgrade{price}",
        "half-fixed": f"is half fixed: the overlay leaves it alone, and Codex can hang{price}",
        "no-endpoint": "has no Responses WebSocket endpoint: the overlay refuses it",
        "malicious": "is MALWARE: never start it",
        "unknown": f"cannot be judged: {target.why}",
    }
    return f"{name} {said[verdict]}"


def _gaps(target: Release, before: Release | None, patch: str) -> Iterator[tuple[str, str]]:
    """Yield what becomes better or worse for Codex, or stays as bad.

    The gaps of an affected release are those that the patch leaves open. That the overlay does
    better than upstream is said only where tests have shown it (`mended_by`).
    """
    overlaid = before is None or before.state == "affected"
    old = before.gaps if before and before.state in _FIXED else ()
    if target.state == "no-endpoint":
        if overlaid or old:
            yield "loss", "Codex works over HTTP only"
        return
    if target.state == "fixed" and overlaid:
        yield "gain", "no overlay to carry"
    for gap in old:
        if gap not in target.gaps and (target.state in _FIXED or patch in gap.mended_by):
            yield "gain", f"no longer: {gap.what}"
    for gap in target.gaps:
        mended = patch in gap.mended_by
        if target.state == "affected" and mended:
            continue
        kind = "loss" if old and gap not in old else "remains"
        yield "returns" if overlaid and mended else kind, f"{gap.what} ({gap.basis})"


def _advisories(target: Release, before: Release | None) -> Iterator[tuple[str, str]]:
    old = before.advisories if before else target.advisories
    for item in old:
        if item not in target.advisories:
            yield "gain", f"without {item.id}: {item.what}"
    for item in target.advisories:
        kind = "remains" if item in old else "loss"
        yield kind, f"{item.id}: {item.what}; fixed in {item.fixed_in}"


def _about_current(target: Answer, current: Answer | None) -> Iterator[str]:
    if current is None:
        return
    if current.release is None:
        yield f"{current.asked}, which runs now, cannot be compared: {current.why}"
        return
    name = f"LiteLLM {current.release.version}, which runs now,"
    if current.state == "malicious":
        yield f"{name} is {advice.MEANING['malicious']}"
    if not current.exact:
        yield f"{name} is a guess from {current.asked}: {current.why}"
    if target.release is None:
        return
    if target.release == current.release:
        yield "it is the release that runs now"
    elif Version(target.release.version) < Version(current.release.version):
        yield f"it is a downgrade, from {current.release.version}"
    if target.state == "affected" and current.state in {"no-endpoint", *_FIXED}:
        yield f"{name} does without the overlay: put it in together with the new image"


def _manifests(target: Answer, current: Answer | None, known: Catalogue) -> Iterator[str]:
    """Yield what to change in values and manifests while the overlay is there."""
    if current and target.asked == current.asked:
        return
    new, old = (
        [item.path for item in known.paths_of(each.release.version)]
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
    yield "make anew what render or inject has printed: init container and proxy have one image"


def _steps(verdict: str) -> list[str]:
    """Return what is to be done besides what `advice` says."""
    return {
        "still-needed": ["After the upgrade this must say patched:", _STATUS],
        "fixed-upstream": [
            "Not before the upgrade: with the overlay in place this then says upstream-fixed:",
            _STATUS,
        ],
        "no-endpoint": ["Leave the overlay out, or choose a release that has the endpoint."],
        "unknown": [
            "If no release has that hash, ask what the pod would do with the file:",
            "  litellm-overlay diff FILE",
            "The chart, render and inject want modulePath then; the guard decides by the file.",
        ],
    }.get(verdict, [])
