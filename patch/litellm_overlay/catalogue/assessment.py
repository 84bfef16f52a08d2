"""Assess a release or an image: is it affected, what to pin, what to do next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from litellm_overlay.catalogue import image_tags
from litellm_overlay.catalogue.releases import UNREVIEWED
from litellm_overlay.errors import NotInCatalogueError
from litellm_overlay.printed import shell_word

if TYPE_CHECKING:
    from litellm_overlay.catalogue.releases import Catalogue, Release

NEEDS_OVERLAY = ("affected", "handshake-fixed")  # the states that the guard patches by default
MEANING = {
    "no-endpoint": "It has no Responses WebSocket endpoint: Codex works over HTTP only, and there "
    "is nothing to patch.",
    "affected": "It wants the model in the URL, where Codex does not put it: every WebSocket "
    "handshake of Codex ends in HTTP 403, and Codex goes on over HTTP after 6 to 7 s of retries.",
    "handshake-fixed": "Upstream's fix lets Codex connect, but Codex can still hang: see the known "
    "gaps. So the overlay patches it, as it does an affected release.",
    "fixed": "Upstream's fix lets Codex connect; the known gaps remain. By default the overlay "
    "leaves LiteLLM's file as it is; onFixed: patch puts the bridge in, which fixes them.",
    UNREVIEWED: "It is newer than what this catalogue knows, and nobody here has looked at it. The "
    "guard in the pod decides by the file: an affected one is patched, one with upstream's fix is "
    "taken as onFixed says, any other as onUnknown says. Its advisories are not known here.",
    "malicious": "MALWARE. Never install or run it. Treat every credential on a host that had it "
    "as lost: rotate them, and look for litellm_init.pth, cook.pth and remote_code_loader.lock. "
    "The overlay refuses it, whatever the options say.",
    "unknown": "The reference does not tell which release is inside.",
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer for a version or an image reference; `asked` is its text.

    `release` is None if it is unknown. `exact` is false if `release` is only the nearest one.
    `why` explains how an image reference was read.
    """

    asked: str
    release: Release | None
    exact: bool
    why: str

    @property
    def state(self) -> str:
        """Return the release's state, or "unknown"."""
        return self.release.state if self.release else "unknown"


def assess(asked: str, catalogue: Catalogue) -> Assessment:
    """Return the assessment of a PyPI version or an image reference.

    Raises ValueError if it is neither, NotInCatalogueError if it names an unknown release.
    """
    return find_malware(catalogue, asked) or _answer(asked, catalogue)


def find_malware(catalogue: Catalogue, *asked: str) -> Assessment | None:
    """Return the assessment of the first argument that names a malicious release, else None.

    It names one by the digest of a malicious image, or by a tag with the version anywhere in it.
    """
    for each in asked:
        digests = (name for digest, name in catalogue.malicious_images.items() if digest in each)
        tag = image_tags.tag_of(each)
        tags = (
            r.version
            for r in catalogue.in_state("malicious")
            if image_tags.names_release(tag, r.version)
        )
        if by_digest := next(digests, None):
            why = f"the digest is that of the malicious image of {by_digest}"
            return Assessment(each, catalogue.release(by_digest), exact=True, why=why)
        if by_tag := next(tags, None):
            return _named(each, catalogue.release(by_tag), catalogue)
    return None


def contradiction(image: str, named: Release) -> str:
    """Return a sentence if an image's tag contradicts the release in the values, else "".

    Only a tag in upstream's own format can contradict it.
    """
    try:
        reading = image_tags.read_release(image_tags.parse_image(image))
    except ValueError:
        return ""
    if not reading.exact or Version(reading.release or "") == Version(named.version):
        return ""
    return f"the image's tag says LiteLLM {reading.release}, the values say {named.version}"


def newer_release_warning(release: Release, catalogue: Catalogue) -> str:
    """Return the warning for a release that is newer than the catalogue, "" for any other."""
    if release.state != UNREVIEWED:
        return ""
    last = catalogue.newest_of_line(release.version)
    return (
        f"LiteLLM {release.version} is newer than the last that this catalogue knows, "
        f"{last.version} of {last.uploaded}: nobody here has looked at it. The guard in the pod "
        "decides by the file"
    )


def malware_notice(release: Release) -> str:
    """Return the compromised-upload advisories of a release, with sources; "" if it has none."""
    uploads = (item for item in release.advisories if item.id.startswith("compromised-upload"))
    return " ".join(
        f"{item.id}: {item.what}. {item.note} Source: {item.source}" for item in uploads
    )


def _named(asked: str, release: Release, catalogue: Catalogue) -> Assessment:
    try:
        usual = _answer(asked, catalogue)
    except (ValueError, NotInCatalogueError):
        usual = None
    if usual and usual.release == release:
        return usual
    why = f"{release.version}, which is malware, is named in it"
    return Assessment(asked, release, exact=False, why=why)


def _answer(asked: str, catalogue: Catalogue) -> Assessment:
    try:
        Version(asked)
    except InvalidVersion:
        reading = image_tags.read_release(image_tags.parse_image(asked))
    else:
        return Assessment(asked, catalogue.find(asked), exact=True, why="")
    if reading.release is None:
        return Assessment(asked, None, exact=False, why=reading.why)
    try:
        return Assessment(asked, catalogue.find(reading.release), reading.exact, reading.why)
    except NotInCatalogueError:
        # Up to 1.83, pre-releases were images only: take the final release as the nearest.
        base = Version(reading.release).base_version
        if base == reading.release:
            raise
        why = f"{reading.why}, which is not on the package index; the nearest release is {base}"
        return Assessment(asked, catalogue.release(base), exact=False, why=why)


def patched_states(on_fixed: str | None) -> tuple[str, ...]:
    """Return the states that the guard patches; `on_fixed` is passthrough, patch or None."""
    return (*NEEDS_OVERLAY, "fixed") if on_fixed == "patch" else NEEDS_OVERLAY


def patch_to_pin(state: str, catalogue: Catalogue) -> str | None:
    """Return the patch version to pin for a release in this state, None if it needs none."""
    return catalogue.default_patch_version if state in NEEDS_OVERLAY else None


def next_steps(assessed: Assessment, catalogue: Catalogue) -> list[str]:
    """Return the next steps as lines: sentences, and commands to copy."""
    release = assessed.release
    if assessed.state == "malicious":
        # A good hash of endpoints.py proves nothing: the malware was in other files.
        return ["Do not start it to find out more. Rebuild the host, with another release."]
    sure = assessed.exact and assessed.state != UNREVIEWED
    steps = [] if sure else _ask_the_file(assessed, catalogue)
    if release is None:
        return steps
    if release.state in NEEDS_OVERLAY:
        steps.append(f"litellm-overlay diff {release.version}")
        if release.state == "affected":
            steps.append(f"litellm-overlay demo --litellm {release.version}")
        newest = catalogue.release(catalogue.newest_affected)
        if len(newest.advisories) < len(release.advisories):
            steps.append(
                f"The overlay fixes no advisory: better move to {newest.version} and patch that."
            )
        steps.append("After an upgrade to 1.90 or later onFixed: patch keeps the bridge.")
    elif release.state == "no-endpoint":
        steps.append("To spare Codex the attempt: supports_websockets = false.")
    elif release.state == "fixed":
        steps += [
            f"The known gaps that patch {catalogue.default_patch_version} fixes: onFixed: patch.",
            "Without it the overlay changes nothing there, and may go.",
        ]
    else:
        steps.append(f"litellm-overlay diff {release.version}")  # what the pod would do with it
    return steps


def _ask_the_file(assessed: Assessment, catalogue: Catalogue) -> list[str]:
    """Return the steps that identify an image's release by the hash of its endpoints.py."""
    paths = (
        catalogue.paths_of(assessed.release.version) if assessed.release else catalogue.module_paths
    )
    image = shell_word(assessed.asked) if {"/", ":"} & set(assessed.asked) else "IMAGE"
    where = " ".join(item.path for item in paths)
    return [
        "Only the file inside can tell" + (" (one of the paths exists):" if paths[1:] else ":"),
        f"  docker run --rm --entrypoint sha256sum {image} {where}",
        f"  kubectl exec POD --container NAME -- sha256sum {where}",
        "  litellm-overlay releases --sha256 HASH",
    ]
