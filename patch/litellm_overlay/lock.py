"""The lock file: build, format and parse it, and compare it with a plan or a cluster. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_overlay import __version__
from litellm_overlay.camel_case import to_camel_case, to_camel_case_data
from litellm_overlay.catalogue import image_tags
from litellm_overlay.catalogue.assessment import patched_states
from litellm_overlay.catalogue.releases import UNREVIEWED
from litellm_overlay.errors import NotInCatalogueError, ValuesError, VerificationError
from litellm_overlay.overlay.plan import from_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.catalogue.assessment import Assessment
    from litellm_overlay.fleet.rows import WorkloadStatus
    from litellm_overlay.overlay.payload import Payload
    from litellm_overlay.overlay.plan import OverlayPlan, Planner
    from litellm_overlay.overlay.values import OverlayValues

NAME = "litellm-overlay.lock"
_FORMAT = 1
_AGAIN = "delete it and write it again: litellm-overlay pin"
_SHA256 = "[0-9a-f]{64}"
_TEXT = r"[!-~]+"  # printable ASCII without spaces: it cannot move a terminal's cursor
# Field -> its name in messages, its pattern, whether it may be null. The key in the file is the
# field's name in camelCase. The release is null if the tag contradicts the values. The stock file
# is null then, too, and for a release newer than the catalogue. There the guard decides.
_FIELDS = {
    "image": ("the image", _TEXT, False),
    "image_digest": ("the image's digest", f"sha256:{_SHA256}", True),
    "litellm_version": ("LiteLLM", _TEXT, True),
    "stock_sha256": ("the stock endpoints.py", _SHA256, True),
    "patch_version": ("the patch", _TEXT, False),
    "payload_digest": ("the payload", _SHA256, False),
    "on_fixed": ("onFixed", "passthrough|patch", True),
    "chart_version": ("the chart", _TEXT, True),
}
_UNREPORTED = {"image_digest", "on_fixed", "chart_version"}  # a workload without them can be pinned


@dataclass(frozen=True, slots=True)
class Lock:
    """The versions and digests that a proxy should run, or that it runs.

    A field that is not known is None, and is not compared. `image` is the image's name and tag.
    `image_digest` is its digest in the registry, "sha256:…". `stock_sha256` is the hash of the
    image's own endpoints.py. `payload_digest` is a SHA-256 in hex. `chart_version` is that of our
    chart.
    """

    image: str | None = None
    image_digest: str | None = None
    litellm_version: str | None = None
    stock_sha256: str | None = None
    patch_version: str | None = None
    payload_digest: str | None = None
    on_fixed: str | None = None
    chart_version: str | None = None


def parse_lock(text: str, where: str) -> Lock:
    """Return the lock that the text of a lock file holds; `where` names the file in errors.

    Raises ValuesError if the text is not a valid lock.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValuesError(f"{where} is not JSON: {error}", _AGAIN) from error
    if not isinstance(data, dict) or data.pop("lockVersion", None) != _FORMAT:
        raise ValuesError(f"{where} is no lock of the form {_FORMAT}", _AGAIN)
    keys = {field: to_camel_case(field) for field in _FIELDS}
    if wrong := sorted(set(data) ^ set(keys.values())):
        state = "an unknown" if wrong[0] in data else "no"
        raise ValuesError(f"{where} has {state} key {wrong[0]!r}", _AGAIN)
    for field, (_, form, nullable) in _FIELDS.items():
        value = data[keys[field]]
        if not (value is None and nullable) and not _fits(form, value):
            raise ValuesError(f"{where}: {keys[field]} cannot be {value!r}", _AGAIN)
    return Lock(**{field: data[key] for field, key in keys.items()})


def to_text(lock: Lock) -> str:
    """Return the text of a lock file. Equal locks give equal texts."""
    return json.dumps({"lockVersion": _FORMAT, **to_camel_case_data(lock)}, indent=2) + "\n"


def from_plan(overlay: OverlayPlan) -> Lock:
    """Return the lock of what a plan would run."""
    return from_image(overlay.proxy.image, overlay.litellm, overlay.payload, overlay.on_fixed)


def from_image(reference: str, litellm: Assessment, chosen: Payload, on_fixed: str) -> Lock:
    """Return the lock of an image and a payload.

    LiteLLM's version and stock file are None if the release is not certain.
    """
    certain = litellm.release if litellm.exact else None
    image, digest = _split(reference)
    return Lock(
        image=image,
        image_digest=digest,
        litellm_version=certain.version if certain else None,
        stock_sha256=certain.endpoints_sha256 if certain else None,
        patch_version=chosen.version,
        payload_digest=chosen.digest,
        on_fixed=on_fixed,
    )


def from_status(row: WorkloadStatus) -> Lock:
    """Return the lock of what a workload runs, as its pods report it.

    `image_digest` is None if the pods run different images. `litellm_version` is None unless a
    guard reported it.
    """
    return Lock(
        image=_split(row.image)[0],
        image_digest=row.image_digests[0] if len(row.image_digests) == 1 else None,
        litellm_version=row.litellm_version if row.version_from == "report" else None,
        stock_sha256=row.stock_sha256,
        patch_version=row.patch_version,
        payload_digest=row.payload_digest,
        on_fixed=row.on_fixed,
        chart_version=row.chart_version,
    )


def to_pin(planner: Planner) -> Lock:
    """Return the lock for the operator's values; its chart version is this tool's version.

    Raises VerificationError for malware and for a release that the overlay leaves as it is. Raises
    NotInCatalogueError if neither image nor values name a certain release. The errors of
    `plan.from_values`, `Planner.identify` and `Planner.payload` pass through.
    """
    reference = from_values(planner.values).image
    litellm = planner.identify(reference)
    if litellm.release and litellm.state == "malicious":
        raise VerificationError(
            f"LiteLLM {litellm.release.version} is malicious; never run it",
            f"litellm-overlay releases {litellm.release.version}",
        )
    litellm = _by_tag(planner, reference, litellm)
    if litellm.release is None or not (litellm.exact or planner.values.litellm_version):
        raise NotInCatalogueError(
            f"the image {reference} does not say for certain which LiteLLM is inside",
            "say it with --litellm, or pin what a cluster has found in it: --from-cluster",
        )
    name, state = f"LiteLLM {litellm.release.version}", litellm.state
    on_fixed = planner.values.on_fixed or "passthrough"
    if state not in {*patched_states(on_fixed), UNREVIEWED}:
        raise VerificationError(
            f"{name} is {state}; the overlay leaves it as it is",
            "for the bridge there: --on-fixed patch"
            if state == "fixed"
            else f"litellm-overlay releases {litellm.release.version}",
        )
    pinned = from_image(reference, litellm, planner.payload, on_fixed)
    return replace(pinned, chart_version=__version__)


def rows_to_pin(rows: Sequence[WorkloadStatus]) -> Lock:
    """Return the one lock that all these workloads share. There must be at least one workload.

    Raises VerificationError if they differ, if one is not patched in all of its pods, or if its
    pods do not report what a lock needs.
    """
    locks = {_row_to_pin(row): row.workload for row in rows}
    if len(locks) > 1:
        raise VerificationError(
            f"{' and '.join(locks.values())} do not run the same",
            "a lock is for one of them: name it with --workload",
        )
    return next(iter(locks))


def _row_to_pin(row: WorkloadStatus) -> Lock:
    name = row.workload
    if row.decision == "upstream-fixed":
        raise VerificationError(f"{name} has upstream's fix", "for the bridge there: onFixed patch")
    if row.decision != "patched" or row.agreeing < row.pods:
        raise VerificationError(
            f"{name} is {row.decision}, {row.agreeing} of {row.pods} pods agree",
            "only what runs well can be pinned: litellm-overlay status",
        )
    if len(row.image_digests) > 1:
        raise VerificationError(
            f"the pods of {name} run different images: {', '.join(row.image_digests)}",
            "restart it, or name the image by its digest",
        )
    actual = from_status(row)
    for field, (words, form, _) in _FIELDS.items():
        if getattr(actual, field) is None and field not in _UNREPORTED:
            raise VerificationError(
                f"{name} does not report {words}", "pin by name instead: --image, --litellm"
            )
        if getattr(actual, field) is not None and not _fits(form, getattr(actual, field)):
            raise VerificationError(
                f"{name} reports {words} that cannot be", "look at the pod: kubectl describe pods"
            )
    return actual


def _by_tag(planner: Planner, reference: str, litellm: Assessment) -> Assessment:
    """Return the assessment by the tag alone, if the digest beside it prevents an exact one.

    The lock holds both tag and digest, so the tag may name the release.
    """
    image, digest = _split(reference)
    if litellm.exact or not digest or not image_tags.tag_of(image):
        return litellm
    return planner.identify(image)


def differences(lock: Lock, actual: Lock) -> tuple[str, ...]:
    """Return one sentence for each field that both locks know and that differs."""
    sentences = []
    for field, (words, *_) in _FIELDS.items():
        wanted, got = getattr(lock, field), getattr(actual, field)
        if None not in (wanted, got) and wanted != got:
            sentences.append(
                f"{words} is {_short(field, got)}, the lock says {_short(field, wanted)}"
            )
    return tuple(sentences)


def fill_values(values: OverlayValues, lock: Lock) -> OverlayValues:
    """Return the values, with the lock's image, patch, release and onFixed where they are unset."""
    digest = f"@{lock.image_digest}" if lock.image_digest else ""
    return replace(
        values,
        image=values.image or f"{lock.image}{digest}",
        patch_version=values.patch_version or lock.patch_version,
        litellm_version=values.litellm_version or lock.litellm_version,
        on_fixed=values.on_fixed or lock.on_fixed,
    )


def require_match(lock: Lock, actual: Lock, title: str = "") -> None:
    """Raise VerificationError if a workload differs from the lock. `title` names the workload."""
    if sentences := differences(lock, actual):
        raise VerificationError(
            f"{title}: {'; '.join(sentences)}" if title else "; ".join(sentences),
            "take what the lock says, or change the lock: litellm-overlay pin",
        )


def mark_drift(row: WorkloadStatus, lock: Lock) -> WorkloadStatus:
    """Return the row of a workload, as "drifted" if it differs from the lock.

    A refused or malicious workload keeps its decision, and gets the differences as reasons.
    """
    sentences = list(differences(lock, from_status(row)))
    if len(row.image_digests) > 1 and lock.image_digest:
        sentences.append(f"the pods run different images: {', '.join(row.image_digests)}")
    if row.decision == "not-overlaid":
        sentences.append(f"the overlay is missing, the lock says patch {lock.patch_version}")
    if not sentences:
        return row
    decision = row.decision if row.decision in {"refused", "malicious"} else "drifted"
    return replace(row, decision=decision, reasons=(*row.reasons, *sentences))


def list_changes(old: Lock | None, new: Lock) -> tuple[tuple[str, str, str], ...]:
    """Return (key, old value, new value) of each field that a new lock changes; "" for None."""
    before = to_camel_case_data(old or Lock())
    return tuple(
        (key, before[key] or "", value or "")
        for key, value in to_camel_case_data(new).items()
        if value != before[key]
    )


def _fits(form: str, value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(form, value, re.ASCII))


def _split(reference: str) -> tuple[str, str | None]:
    """Return an image's name and tag, and its digest, None if it has none."""
    image, _, digest = reference.partition("@")
    return image, digest or None


def _short(field: str, value: str) -> str:
    is_hash = field.endswith(("digest", "sha256"))
    return value.removeprefix("sha256:")[:12] if is_hash else value
