"""Workloads and pods of a cluster in, one row a workload out: what the overlay does there. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_overlay import advice, pods
from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from litellm_overlay.catalogue import Catalogue, Release
    from litellm_overlay.pods import Object, Seen, Template

# The API's plurals, and the kinds that they are lists of.
KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
# ReplicaSets are not asked for: with all old revisions they can be most of a cluster's objects.
# Their names are the owner's and this label.
_HASHES = {"pod-template-hash": "Deployment", "rollouts-pod-template-hash": "Rollout"}
_CHART = "litellm-overlay-"  # as our chart's helm.sh/chart label begins

Owner = tuple[str, str, str]  # namespace, kind, name


@dataclass(frozen=True, slots=True)
class Row:
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


def rows(
    workloads: Mapping[str, Iterable[Object]], running: Iterable[Object], known: Catalogue
) -> tuple[Row, ...]:
    """Return the rows by namespace, kind and name; `workloads` is by the plurals of KINDS."""
    owned: dict[Owner, list[Object]] = defaultdict(list)
    for pod in running:
        if not pods.is_over(pod):
            owned[_owner(pod)].append(pod)
    found = []
    for plural, items in workloads.items():
        for item in items:
            metadata = item["metadata"]
            owner = (str(metadata.get("namespace", "")), KINDS[plural], str(metadata["name"]))
            mine = owned.pop(owner, [])
            if wanted := pods.template(item["spec"].get("template") or {}, known):
                found.append(_row(owner, wanted, mine, known, _chart(metadata)))
    for owner, mine in owned.items():  # of a Rollout, say, or of nobody
        wanted = None if _is_chore(owner, mine[0]) else pods.template(mine[0], known)
        if wanted:
            found.append(_row(owner, wanted, mine, known, None))
    return tuple(sorted(found, key=lambda row: (row.namespace, row.kind, row.name)))


def _row(
    owner: Owner, wanted: Template, mine: Sequence[Object], known: Catalogue, chart: str | None
) -> Row:
    seen = [pods.read(pod, wanted, known) for pod in mine]
    drift = [*wanted.doubts, *_grouped((pod.name, pod.drift) for pod in seen)]
    drift += _disagreement(seen)
    decision = _decide(wanted, seen, drift=bool(drift))
    notes = [*wanted.notes, *_grouped((pod.name, pod.notes) for pod in seen)]
    if wanted.overlaid and not seen:
        notes.append("no pod runs")
    agreeing = [pod for pod in seen if pod.decision not in {None, "refused"} and not pod.drift]
    reported = next((pod.report for pod in [*agreeing, *seen] if pod.report), {})
    version, source, release = _release(reported, wanted.image, known)
    return Row(
        *owner,
        image=wanted.image,
        image_digests=tuple(sorted({pod.image_digest for pod in seen if pod.image_digest})),
        litellm_version=version,
        version_from=source,
        stock_sha256=reported.get("stockSha256"),
        patch_version=reported.get("patchVersion") or wanted.patch_version,
        payload_digest=wanted.digest,
        chart_version=chart,
        decision=decision,
        agreeing=len(agreeing),
        pods=len(seen),
        advisories=tuple(item.id for item in release.advisories) if release else (),
        removable=decision == "upstream-fixed",
        # What refused the newest pod stands before what it left behind.
        reasons=(*notes, *drift) if decision == "refused" else (*drift, *notes),
    )


def _decide(wanted: Template, seen: Sequence[Seen], *, drift: bool) -> str:
    decisions = {pod.decision for pod in seen} - {None}
    if "refused" in decisions:
        return "refused"
    if drift:
        return "drifted"
    if not wanted.overlaid:
        return "not-overlaid"
    return str(decisions.pop()) if decisions else "pending"


def _disagreement(seen: Sequence[Seen]) -> list[str]:
    """Return a sentence if pods have come to different ends, a refusal apart."""
    keys = ("decision", "patchVersion", "litellmVersion", "patchedSha256")
    ends = {
        tuple(pod.report.get(key) for key in keys)
        for pod in seen
        if pod.report and pod.decision != "refused"
    }
    if len(ends) < 2:
        return []
    said = sorted(f"{end[0]} LiteLLM {end[2]} {str(end[3])[:12]}" for end in ends)
    return [f"the pods disagree: {'; '.join(said)}"]


def _grouped(pairs: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Return each sentence once, with the pods that it is true of."""
    names = defaultdict(list)
    for name, sentences in pairs:
        for sentence in sentences:
            names[sentence].append(name)
    return [
        f"pod {of[0]}{f' and {len(of) - 1} more' if of[1:] else ''}: {sentence}"
        for sentence, of in names.items()
    ]


def _release(
    report: Mapping[str, Any], image: str, known: Catalogue
) -> tuple[str | None, str | None, Release | None]:
    """Return the LiteLLM version, where that is from, and what is known of it."""
    if version := report.get("litellmVersion"):
        try:
            return version, "report", known.release(version)
        except NotInCatalogueError:
            return version, "report", None
    try:
        release = advice.answer(image, known).release
    except (ValueError, NotInCatalogueError):
        return None, None, None
    return (release.version, "tag", release) if release else (None, None, None)


def _owner(pod: Object) -> Owner:
    metadata = pod["metadata"]
    namespace, name = str(metadata.get("namespace", "")), str(metadata["name"])
    owners = [each for each in metadata.get("ownerReferences") or [] if each.get("controller")]
    if not owners:
        return namespace, "Pod", name
    kind, name = str(owners[0]["kind"]), str(owners[0]["name"])
    labels = metadata.get("labels") or {}
    for label, above in _HASHES.items():
        if kind == "ReplicaSet" and label in labels and name.endswith(f"-{labels[label]}"):
            return namespace, above, name[: -len(labels[label]) - 1]
    return namespace, kind, name


def _chart(metadata: Object) -> str | None:
    """Return the version in the label that Helm charts carry, of ours alone."""
    label = str((metadata.get("labels") or {}).get("helm.sh/chart", ""))
    return label.removeprefix(_CHART) if label.startswith(_CHART) else None


def _is_chore(owner: Owner, pod: Object) -> bool:
    """Say whether pods come to an end by themselves: migrations, hooks."""
    return owner[1] == "Job" or "helm.sh/hook" in (pod["metadata"].get("annotations") or {})
