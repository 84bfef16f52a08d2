"""The lock file: compare an operator's choice with a plan or a cluster. Pure."""

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
_TEXT = r"[!-~]+"  # no space and nothing that could move a terminal's cursor
# For each field: its name for people, its pattern, whether it may be null. Its key in the file is
# the field's name in camelCase. A release is null where tag and values contradict each
# other, a stock file where the release is newer than the catalogue: the guard finds out.
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
_UNREPORTED = {"image_digest", "on_fixed", "chart_version"}  # what may be lacking all the same


@dataclass(frozen=True, slots=True)
class Lock:
    """What is to run, or what does; None: not known, and so not compared.

    `image` is name and tag, `image_digest` "sha256:…" as its registry has it, `stock_sha256` that
    of the image's own endpoints.py, `payload_digest` a sha256, `chart_version` that of our chart.
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
    """Return the lock in a file's text; `where` names the file. ValuesError if it is none."""
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
    """Return the text of the file; the same lock gives the same bytes."""
    return json.dumps({"lockVersion": _FORMAT, **to_camel_case_data(lock)}, indent=2) + "\n"


def from_plan(overlay: OverlayPlan) -> Lock:
    """Return what the plan of a proxy would run."""
    return from_image(overlay.proxy.image, overlay.litellm, overlay.payload, overlay.on_fixed)


def from_image(reference: str, litellm: Assessment, chosen: Payload, on_fixed: str) -> Lock:
    """Return what an image and a payload are; of a release that nobody is sure of, nothing."""
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
    """Return what a workload has, as its pods have reported."""
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
    """Return the lock for what values ask for; the chart is the one that came with this tool.

    Errors are those of `Planner.identify` and `Planner.payload`, too.
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
    """Return the one lock that all these workloads agree on, if all of them run well."""
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
    """Return the assessment, exact if a tag beside the digest names a release: both are locked."""
    image, digest = _split(reference)
    if litellm.exact or not digest or not image_tags.tag_of(image):
        return litellm
    return planner.identify(image)


def differences(lock: Lock, actual: Lock) -> tuple[str, ...]:
    """Return a sentence for each field that both have and that differs."""
    sentences = []
    for field, (words, *_) in _FIELDS.items():
        wanted, got = getattr(lock, field), getattr(actual, field)
        if None not in (wanted, got) and wanted != got:
            sentences.append(
                f"{words} is {_short(field, got)}, the lock says {_short(field, wanted)}"
            )
    return tuple(sentences)


def fill_values(values: OverlayValues, lock: Lock) -> OverlayValues:
    """Return the values with the lock's choices where they have none of their own."""
    digest = f"@{lock.image_digest}" if lock.image_digest else ""
    return replace(
        values,
        image=values.image or f"{lock.image}{digest}",
        patch_version=values.patch_version or lock.patch_version,
        litellm_version=values.litellm_version or lock.litellm_version,
        on_fixed=values.on_fixed or lock.on_fixed,
    )


def require_match(lock: Lock, actual: Lock, title: str = "") -> None:
    """Raise VerificationError where something of a workload is not as the lock says."""
    if sentences := differences(lock, actual):
        raise VerificationError(
            f"{title}: {'; '.join(sentences)}" if title else "; ".join(sentences),
            "take what the lock says, or change the lock: litellm-overlay pin",
        )


def mark_drift(row: WorkloadStatus, lock: Lock) -> WorkloadStatus:
    """Return a workload's row, drifted where it is not as the lock says."""
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
    """Return key, old and new value of what a fresh lock changes; "" where there was none."""
    before = to_camel_case_data(old or Lock())
    return tuple(
        (key, before[key] or "", value or "")
        for key, value in to_camel_case_data(new).items()
        if value != before[key]
    )


def _fits(form: str, value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(form, value, re.ASCII))


def _split(reference: str) -> tuple[str, str | None]:
    """Return name and tag of an image as they stand there, and its digest."""
    image, _, digest = reference.partition("@")
    return image, digest or None


def _short(field: str, value: str) -> str:
    is_hash = field.endswith(("digest", "sha256"))
    return value.removeprefix("sha256:")[:12] if is_hash else value
