"""The lock file: what an operator has chosen, held against what a plan or a cluster has. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_overlay import __version__, plan
from litellm_overlay.errors import NotInCatalogueError, ValuesError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.catalogue import Catalogue
    from litellm_overlay.fleet import Row
    from litellm_overlay.plan import Payload
    from litellm_overlay.values import OverlayValues

NAME = "litellm-overlay.lock"
_FORMAT = 1
_AGAIN = "delete it and write it anew: litellm-overlay pin"
_SHA256 = "[0-9a-f]{64}"
_TEXT = r"[!-~]+"  # no space and nothing that could move a terminal's cursor
# Of each key: the field, the words for people, what it must look like, whether it may be null.
_KEYS = {
    "image": ("image", "the image", _TEXT, False),
    "imageDigest": ("image_digest", "the image's digest", f"sha256:{_SHA256}", True),
    "litellmVersion": ("litellm_version", "LiteLLM", _TEXT, False),
    "stockSha256": ("stock_sha256", "the stock endpoints.py", _SHA256, False),
    "patchVersion": ("patch_version", "the patch", _TEXT, False),
    "payloadDigest": ("payload_digest", "the payload", _SHA256, False),
    "chartVersion": ("chart_version", "the chart", _TEXT, True),
}


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
    chart_version: str | None = None


def read(text: str, where: str) -> Lock:
    """Return the lock in a file's text; `where` names the file. ValuesError if it is none."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ValuesError(f"{where} is not JSON: {error}", _AGAIN) from error
    if not isinstance(data, dict) or data.pop("lockVersion", None) != _FORMAT:
        raise ValuesError(f"{where} is no lock of the form {_FORMAT}", _AGAIN)
    if wrong := sorted(set(data) ^ set(_KEYS)):
        state = "an unknown" if wrong[0] in data else "no"
        raise ValuesError(f"{where} has {state} key {wrong[0]!r}", _AGAIN)
    for key, (_, _, form, nullable) in _KEYS.items():
        if not (data[key] is None and nullable) and not _fits(form, data[key]):
            raise ValuesError(f"{where}: {key} cannot be {data[key]!r}", _AGAIN)
    return Lock(**{field: data[key] for key, (field, *_) in _KEYS.items()})


def text(lock: Lock) -> str:
    """Return the text of the file; the same lock gives the same bytes."""
    return json.dumps({"lockVersion": _FORMAT, **plain(lock)}, indent=2) + "\n"


def plain(lock: Lock) -> dict[str, Any]:
    """Return a lock by the file's keys."""
    return {key: getattr(lock, field) for key, (field, *_) in _KEYS.items()}


def of_image(reference: str, chosen: Payload, values: OverlayValues, known: Catalogue) -> Lock:
    """Return what an image and a payload are; of a release that no one names for certain, nothing.

    ValuesError and NotInCatalogueError as from `plan.identify`.
    """
    answer = plan.identify(values, reference, known)
    certain = answer.release if answer.exact or values.litellm_version else None
    image, digest = _split(reference)
    return Lock(
        image=image,
        image_digest=digest,
        litellm_version=certain.version if certain else None,
        stock_sha256=certain.endpoints_sha256 if certain else None,
        patch_version=chosen.version,
        payload_digest=chosen.digest,
    )


def of_row(row: Row) -> Lock:
    """Return what a workload has, as its pods have reported."""
    return Lock(
        image=_split(row.image)[0],
        image_digest=row.image_digests[0] if len(row.image_digests) == 1 else None,
        litellm_version=row.litellm_version if row.version_from == "report" else None,
        stock_sha256=row.stock_sha256,
        patch_version=row.patch_version,
        payload_digest=row.payload_digest,
        chart_version=row.chart_version,
    )


def to_pin(values: OverlayValues, known: Catalogue, available: Sequence[Payload]) -> Lock:
    """Return the lock for what values ask for; the chart is the one that came with this tool."""
    reference = plan.from_values(values).image
    found = of_image(reference, plan.choose(values, known, available), values, known)
    if not found.litellm_version:
        raise NotInCatalogueError(
            f"the image {reference} does not say for certain which LiteLLM is inside",
            "say it with --litellm, or pin what a cluster has found in it: --from-cluster",
        )
    state = known.release(found.litellm_version).state
    if state != "affected":
        raise VerificationError(
            f"LiteLLM {found.litellm_version} is {state}; the overlay is for affected releases",
            f"litellm-overlay releases {found.litellm_version}",
        )
    return replace(found, chart_version=__version__)


def rows_to_pin(rows: Sequence[Row]) -> Lock:
    """Return the one lock that all these workloads agree on, if all of them run well."""
    found = {_row_to_pin(row): row.workload for row in rows}
    if len(found) > 1:
        raise VerificationError(
            f"{' and '.join(found.values())} do not run the same",
            "a lock is for one of them: name it with --workload",
        )
    return next(iter(found))


def _row_to_pin(row: Row) -> Lock:
    name = row.workload
    if row.decision == "upstream-fixed":
        raise VerificationError(f"{name} has upstream's fix", "the overlay may be removed")
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
    found = of_row(row)
    for field, words, _, nullable in _KEYS.values():
        if getattr(found, field) is None and not nullable:
            raise VerificationError(
                f"{name} does not report {words}", "pin by name instead: --image, --litellm"
            )
    return found


def differences(lock: Lock, found: Lock) -> tuple[str, ...]:
    """Return a sentence for each thing that both tell and do not tell alike."""
    told = []
    for field, words, *_ in _KEYS.values():
        wanted, got = getattr(lock, field), getattr(found, field)
        if None not in (wanted, got) and wanted != got:
            told.append(f"{words} is {_short(field, got)}, the lock says {_short(field, wanted)}")
    return tuple(told)


def fill(values: OverlayValues, lock: Lock) -> OverlayValues:
    """Return the values with the lock's choices where they have none of their own."""
    digest = f"@{lock.image_digest}" if lock.image_digest else ""
    return replace(
        values,
        image=values.image or f"{lock.image}{digest}",
        patch_version=values.patch_version or lock.patch_version,
        litellm_version=values.litellm_version or lock.litellm_version,
    )


def refuse(lock: Lock, found: Lock) -> None:
    """Raise VerificationError where something is not as the lock says."""
    if told := differences(lock, found):
        raise VerificationError(
            "; ".join(told), "take what the lock says, or change the lock: litellm-overlay pin"
        )


def hold(row: Row, lock: Lock) -> Row:
    """Return a workload's row, drifted where it is not as the lock says."""
    told = list(differences(lock, of_row(row)))
    if len(row.image_digests) > 1 and lock.image_digest:
        told.append(f"the pods run different images: {', '.join(row.image_digests)}")
    if row.decision == "not-overlaid":
        told.append(f"the overlay is missing, the lock says patch {lock.patch_version}")
    if not told:
        return row
    decision = row.decision if row.decision == "refused" else "drifted"
    return replace(row, decision=decision, reasons=(*row.reasons, *told))


def changes(old: Lock | None, new: Lock) -> tuple[tuple[str, str, str], ...]:
    """Return key, old and new value of what a fresh lock changes; "" where there was none."""
    before = plain(old or Lock())
    return tuple(
        (key, before[key] or "", value or "")
        for key, value in plain(new).items()
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
