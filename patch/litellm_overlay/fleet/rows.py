"""Workloads and pods of a cluster in, one row a workload out: what the overlay does there. Pure."""

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

_CHART = "litellm-overlay-"  # as our chart's helm.sh/chart label begins


@dataclass(frozen=True, slots=True)
class WorkloadStatus:
    """A workload that runs LiteLLM's proxy, or carries the overlay.

    `litellm_version` is the guard's word if `version_from` is "report", the tag's if it is "tag".
    `pods` are those that are not ending; of these `agreeing` are as the template wants them, and
    their guard has said so. `image_digests` are those that their proxies run, `stock_sha256` is of
    the image's own endpoints.py. `chart_version` is that of our chart, None for all other ways.
    `advisories` are identifiers. `reasons` are sentences.
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
        """Return "deployment/litellm", as kubectl has it."""
        return f"{self.kind.lower()}/{self.name}"


def workload_statuses(
    workloads: Mapping[str, Iterable[Object]], running: Iterable[Object], catalogue: Catalogue
) -> tuple[WorkloadStatus, ...]:
    """Return the rows by namespace, kind and name; `workloads` is by the plurals of WORKLOADS."""
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
    for owner, mine in owned.items():  # of a Rollout, say, or of nobody
        wanted = None if is_short_lived(mine[0]) else drift.desired_state(mine[0], catalogue)
        if wanted:
            rows.append(_row(owner, wanted, mine, catalogue, None))
    return tuple(sorted(rows, key=lambda row: (row.namespace, row.kind, row.name)))


def select_pods(
    running: Iterable[Object],
    matching_workloads: Mapping[str, Iterable[Object]],
    matching_pods: Iterable[Object],
) -> list[Object]:
    """Return the running pods that a label selector means.

    `matching_workloads`, by plural, and `matching_pods` are what the selector matches. A pod of a
    matching workload counts, whatever its own labels are. A matching pod counts by itself only if
    its owner's kind is not in WORKLOADS.
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
        # Of a refused pod, the refusal comes before the drift.
        reasons=(
            *malware,
            *((*notes, *drifted) if decision == "refused" else (*drifted, *notes)),
        ),
    )


def _malware(
    wanted: DesiredState, mine: Sequence[Object], seen: Sequence[PodStatus], catalogue: Catalogue
) -> list[str]:
    """Return a sentence if template, a running image or a guard's report names malware."""
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
    """Return a sentence if pods have come to different ends, a refusal apart."""
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
    """Return each sentence once, with the pods that it is true of."""
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
    """Return the LiteLLM version, where that is from, and what is known of it."""
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
    """Return the version in the label that Helm charts carry, of ours alone."""
    label = string_at(labels(item), "helm.sh/chart")
    return label.removeprefix(_CHART) if label.startswith(_CHART) else None
