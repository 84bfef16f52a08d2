"""Am I affected, what do I pin, what next: answers for a release or an image. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from litellm_overlay import images
from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from litellm_overlay.catalogue import Catalogue, Release

MEANING = {
    "no-endpoint": "It has no Responses WebSocket endpoint: Codex works over HTTP only, and there "
    "is nothing to patch.",
    "affected": "It wants the model in the URL, where Codex does not put it: every WebSocket "
    "handshake of Codex ends in HTTP 403, and Codex goes on over HTTP after 6 to 7 s of retries.",
    "handshake-fixed": "Upstream's fix lets Codex connect, but Codex can still hang: see the known "
    "gaps. The overlay changes nothing in it.",
    "fixed": "Upstream's fix lets Codex connect and answers its warm-up; the known gaps remain. "
    "The overlay changes nothing in it.",
    "malicious": "MALWARE. Never install or run it. Treat every credential on a host that had it "
    "as lost: rotate them, and look for litellm_init.pth. The overlay refuses it.",
    "unknown": "The reference does not tell which release is inside.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of what was asked for.

    `release` is None where an image reference cannot tell. `exact` says that it is this very
    release, and not the nearest one; `why` tells how an image reference was read.
    """

    asked: str
    release: Release | None
    exact: bool
    why: str

    @property
    def state(self) -> str:
        """Return the release's state, or "unknown"."""
        return self.release.state if self.release else "unknown"


def answer(asked: str, known: Catalogue) -> Answer:
    """Answer for a PyPI version or an image reference; ValueError where it is neither."""
    try:
        Version(asked)
    except InvalidVersion:
        reading = images.read(images.parse(asked))
    else:
        return Answer(asked, known.release(asked), exact=True, why="")
    if reading.release is None:
        return Answer(asked, None, exact=False, why=reading.why)
    try:
        return Answer(asked, known.release(reading.release), reading.exact, reading.why)
    except NotInCatalogueError:
        # Up to 1.83, candidates were images only: the release that came of them is the nearest.
        base = Version(reading.release).base_version
        if base == reading.release:
            raise
        why = f"{reading.why}, which is not on the package index; the nearest release is {base}"
        return Answer(asked, known.release(base), exact=False, why=why)


def pin(state: str, known: Catalogue) -> str | None:
    """Return the patch version to pin for a release in this state, None where none applies."""
    return known.default_patch_version if state == "affected" else None


def next_steps(given: Answer, known: Catalogue) -> list[str]:
    """Return what to do now: sentences, and commands to copy."""
    release = given.release
    if given.state == "malicious":
        # No hash of endpoints.py clears it: the malware lay in other files.
        return ["Do not start it to find out more. Rebuild the host, with another release."]
    steps = [] if given.exact else _ask_the_file(given, known)
    if release is None:
        return steps
    first_fixed = next(r for r in known.in_state("fixed") if not Version(r.version).is_prerelease)
    if release.state == "affected":
        steps += [
            f"litellm-overlay diff {release.version}",
            f"litellm-overlay demo --litellm {release.version}",
        ]
        newest = known.release(known.newest_affected)
        if len(newest.advisories) < len(release.advisories):
            steps.append(
                f"The overlay mends no advisory: better move to {newest.version} and patch that."
            )
        steps.append(f"{first_fixed.version} and later need no overlay, but have known gaps.")
    else:
        steps.append(
            {
                "no-endpoint": "To spare Codex the attempt: supports_websockets = false.",
                "handshake-fixed": f"Move to {first_fixed.version} or later.",
                "fixed": "Remove the overlay if you have it.",
            }[release.state]
        )
    return steps


def _ask_the_file(given: Answer, known: Catalogue) -> list[str]:
    """Return how to find out by hash what an image holds."""
    paths = known.paths_of(given.release.version) if given.release else known.module_paths
    image = given.asked if {"/", ":"} & set(given.asked) else "IMAGE"
    where = " ".join(item.path for item in paths)
    return [
        "Only the file inside can tell" + (" (one of the paths exists):" if paths[1:] else ":"),
        f"  docker run --rm --entrypoint sha256sum {image} {where}",
        "  litellm-overlay releases --sha256 HASH",
    ]
