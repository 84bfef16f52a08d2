"""Report what the overlay does in each workload of a cluster, one row per workload. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_overlay.catalogue import assessment
from litellm_overlay.errors import NotInCatalogueError
from litellm_overlay.fleet import drift
from litellm_overlay.names import INIT_CONTAINER
from litellm_overlay.objects import pods
from litellm_overlay.objects.access import labels, mapping, name, namespace, string_at
from litellm_overlay.objects.guard_report import GuardReport
from litellm_overlay.objects.kinds import WORKLOADS
from litellm_overlay.objects.workloads import is_short_lived

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from litellm_overlay.catalogue.releases import Catalogue, Release
    from litellm_overlay.fleet.drift import DesiredState, PodStatus
    from litellm_overlay.objects.access import Object

_CHART = "litellm-overlay-"  # prefix of our chart's helm.sh/chart label


@dataclass(frozen=True, slots=True)
class WorkloadStatus:
    """A workload that runs LiteLLM's proxy or carries the overlay.

    `version_from` is the source of `litellm_version`: "report" (the guard's), "tag" (the image's),
    or None if the version is unknown. `pods` counts the pods that have not ended and are not
    terminating. `agreeing` counts those of them that have no drift and a decision other than
    refused. `image_digests` are those of the proxies. `stock_sha256` is the hash of the image's own
    endpoints.py. `chart_version` is None unless our chart made the workload. `advisories` are
    identifiers, `reasons` are sentences.
    """

    namespace: str
    kind: str
    name: str
    image: str
    image_digests: tuple[str, ...]
    litellm_version: str | None
    version_from: str | None
    stock_sha256: str | None
    patch_version: str | None
    payload_digest: str | None
    on_fixed: str | None
    chart_version: str | None
    decision: str
    agreeing: int
    pods: int
    advisories: tuple[str, ...]
    removable: bool
    reasons: tuple[str, ...]

    @property
    def workload(self) -> str:
        """Return the workload as kubectl names it, for example "deployment/litellm"."""
        return f"{self.kind.lower()}/{self.name}"


def workload_statuses(
    workloads: Mapping[str, Iterable[Object]], running: Iterable[Object], catalogue: Catalogue
) -> tuple[WorkloadStatus, ...]:
    """Return one row per workload, sorted by namespace, kind and name.

    `workloads` maps the plurals in WORKLOADS to objects. An owner of another kind, or a pod without
    an owner, also gets a row, unless its pods are short-lived.
    """
    owned: dict[pods.Owner, list[Object]] = defaultdict(list)
    for pod in running:
        if not pods.is_over(pod):
            owned[pods.owner(pod)].append(pod)
    rows = []
    for plural, listed in workloads.items():
        for item in listed:
            owner = (namespace(item) or "", WORKLOADS[plural], name(item))
            mine = owned.pop(owner, [])
            if wanted := drift.desired_state(mapping(item, "spec", "template"), catalogue):
                rows.append(_row(owner, wanted, mine, catalogue, _chart(item)))
    for owner, mine in owned.items():  # owned by another kind, such as a Rollout, or by nothing
        wanted = None if is_short_lived(mine[0]) else drift.desired_state(mine[0], catalogue)
        if wanted:
            rows.append(_row(owner, wanted, mine, catalogue, None))
    return tuple(sorted(rows, key=lambda row: (row.namespace, row.kind, row.name)))


def select_pods(
    running: Iterable[Object],
    matching_workloads: Mapping[str, Iterable[Object]],
    matching_pods: Iterable[Object],
) -> list[Object]:
    """Return the running pods that a label selector selects.

    `matching_workloads`, by plural, and `matching_pods` are the selector's matches. All pods of a
    matching workload are selected, whatever their own labels. Any other matching pod is selected
    only if the kind of its owner is not in WORKLOADS.
    """
    owners = {
        (namespace(item) or "", WORKLOADS[plural], name(item))
        for plural, listed in matching_workloads.items()
        for item in listed
    }
    names = {(namespace(pod), name(pod)) for pod in matching_pods}
    return [
        pod
        for pod in running
        if (owner := pods.owner(pod)) in owners
        or (owner[1] not in WORKLOADS.values() and (namespace(pod), name(pod)) in names)
    ]


def _row(
    owner: pods.Owner,
    wanted: DesiredState,
    mine: Sequence[Object],
    catalogue: Catalogue,
    chart: str | None,
) -> WorkloadStatus:
    seen = [drift.pod_status(pod, wanted, catalogue) for pod in mine]
    drifted = [*wanted.doubts, *_grouped((pod.name, pod.drift) for pod in seen)]
    drifted += _disagreement(seen)
    malware = _malware(wanted, mine, seen, catalogue)
    decision = "malicious" if malware else _decide(wanted, seen, drifted=bool(drifted))
    notes = [*wanted.notes, *_grouped((pod.name, pod.notes) for pod in seen)]
    if wanted.overlaid and not seen:
        notes.append("no pod runs")
    agreeing = [pod for pod in seen if pod.decision not in {None, "refused"} and not pod.drift]
    reported = next((pod.report for pod in [*agreeing, *seen] if pod.report.facts), GuardReport())
    version, source, release = _release(reported, wanted.image, catalogue)
    if release and (newer := assessment.newer_release_warning(release, catalogue)):
        notes.append(f"{newer}; its advisories are not known here")
    return WorkloadStatus(
        *owner,
        image=wanted.image,
        image_digests=tuple(sorted({pod.image_digest for pod in seen if pod.image_digest})),
        litellm_version=version,
        version_from=source,
        stock_sha256=reported.fact("stockSha256"),
        patch_version=reported.fact("patchVersion") or wanted.patch_version,
        payload_digest=wanted.digest,
        on_fixed=wanted.on_fixed,
        chart_version=chart,
        decision=decision,
        agreeing=len(agreeing),
        pods=len(seen),
        advisories=tuple(item.id for item in release.advisories) if release else (),
        removable=decision == "upstream-fixed",
        # A refusal, which is among the notes, comes before the drift.
        reasons=(
            *malware,
            *((*notes, *drifted) if decision == "refused" else (*drifted, *notes)),
        ),
    )


def _malware(
    wanted: DesiredState, mine: Sequence[Object], seen: Sequence[PodStatus], catalogue: Catalogue
) -> list[str]:
    """Return one sentence if the template, an image or a report names malware, else []."""
    both = (INIT_CONTAINER, wanted.container)
    images = [pods.image_id(pod, container) for pod in mine for container in both]
    reported = [pod.report.fact("litellmVersion") or "" for pod in seen]
    malicious = assessment.find_malware(catalogue, wanted.image, *images, *reported)
    if not malicious or not malicious.release:
        return []
    why = f" ({malicious.why})" if malicious.why else ""
    return [f"LiteLLM {malicious.release.version}{why} is {assessment.MEANING['malicious']}"]


def _decide(wanted: DesiredState, seen: Sequence[PodStatus], *, drifted: bool) -> str:
    decisions = {pod.decision for pod in seen} - {None}
    if "refused" in decisions:
        return "refused"
    if drifted:
        return "drifted"
    if not wanted.overlaid:
        return "not-overlaid"
    return str(decisions.pop()) if decisions else "pending"


def _disagreement(seen: Sequence[PodStatus]) -> list[str]:
    """Return one sentence if the guards' reports differ, else []; refusals do not count."""
    keys = ("decision", "patchVersion", "litellmVersion", "patchedSha256")
    ends = {
        tuple(pod.report.fact(key) for key in keys)
        for pod in seen
        if pod.report.facts and pod.decision != "refused"
    }
    if len(ends) < 2:
        return []
    outcomes = sorted(f"{end[0]} LiteLLM {end[2]} {str(end[3])[:12]}" for end in ends)
    return [f"the pods disagree: {'; '.join(outcomes)}"]


def _grouped(pairs: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Return each sentence once, with the first of its pods and the number of the others."""
    names = defaultdict(list)
    for pod, sentences in pairs:
        for sentence in sentences:
            names[sentence].append(pod)
    return [
        f"pod {of[0]}{f' and {len(of) - 1} more' if of[1:] else ''}: {sentence}"
        for sentence, of in names.items()
    ]


def _release(
    report: GuardReport, image: str, catalogue: Catalogue
) -> tuple[str | None, str | None, Release | None]:
    """Return the LiteLLM version, its source and its release in the catalogue.

    The source is "report" or "tag". Each of the three is None if it is unknown.
    """
    if version := report.fact("litellmVersion"):
        try:
            return version, "report", catalogue.find(version)
        except NotInCatalogueError:
            return version, "report", None
    try:
        release = assessment.assess(image, catalogue).release
    except (ValueError, NotInCatalogueError):
        return None, None, None
    return (release.version, "tag", release) if release else (None, None, None)


def _chart(item: Object) -> str | None:
    """Return the version in our chart's helm.sh/chart label; None for any other chart."""
    label = string_at(labels(item), "helm.sh/chart")
    return label.removeprefix(_CHART) if label.startswith(_CHART) else None
