"""What `verify` asks of one pod, and what the answers come to. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_overlay.fleet import drift
from litellm_overlay.objects import pods
from litellm_overlay.objects.access import find_by_name, int_at, items, mapping, name, namespace
from litellm_overlay.objects.workloads import PodTemplate, is_short_lived

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.fleet.drift import DesiredState
    from litellm_overlay.objects.access import Object
    from litellm_overlay.responses.diagnosis import Diagnosis

PORT = 4000  # LiteLLM's, where a container names none
# In which field of the report the hash of the file stands that the proxy should see.
_EXPECTED = {
    "patched": "patchedSha256",
    "upstream-fixed": "stockSha256",
    "passthrough": "stockSha256",
}
# What `probe` must find, where that is not "works".
_PROMISED = {("patched", "http-fallback"): "http-fallback"}


@dataclass(frozen=True, slots=True)
class Origin:
    """What the module of a pod was made from.

    `config_map` is the name of the payload's, `paths` its files by key, `digest` what the pod
    template names; `plan` is what the guard was told, `report` what it said.
    """

    config_map: str
    paths: Mapping[str, str]
    digest: str | None
    plan: Object
    report: Object


@dataclass(frozen=True, slots=True)
class Target:
    """A pod with the overlay: where its proxy listens, and what the guard says of its module.

    `module` and `sha256` are None where the guard has not written a file; `mode` is the overlay's;
    `guarded` says that our init container is there.
    """

    namespace: str
    pod: str
    container: str
    port: int
    decision: str
    module: str | None
    sha256: str | None
    mode: str
    guarded: bool
    ready: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found out about a target; `faults` are sentences, empty if Codex works there."""

    target: Target
    verdict: str | None
    faults: tuple[str, ...]


def targets(running: Iterable[Object], catalogue: Catalogue) -> tuple[Target, ...]:
    """Return the pods that carry the overlay and are not over, by namespace and name."""
    selected = [
        _target(pod, own, catalogue)
        for pod in running
        if not (pods.is_over(pod) or is_short_lived(pod))
        and (own := drift.desired_state(pod, catalogue))
        and own.overlaid
    ]
    return tuple(sorted(selected, key=lambda target: (target.namespace, target.pod)))


def _target(pod: Object, own: DesiredState, catalogue: Catalogue) -> Target:
    seen, template = drift.pod_status(pod, own, catalogue), PodTemplate(pod)
    return Target(
        namespace=namespace(pod) or "",
        pod=seen.name,
        container=own.container,
        port=_port(pod, own.container),
        decision=seen.decision or "pending",
        module=seen.report.fact("modulePath"),
        sha256=seen.report.fact(_EXPECTED.get(seen.decision or "", "")),
        mode=own.mode,
        guarded=own.guarded,
        ready=pods.is_ready(pod),
        origin=Origin(*template.payload, own.digest, template.guard_plan, seen.report.facts),
    )


def _port(pod: Object, container: str) -> int:
    listening = items(find_by_name(PodTemplate(pod).containers, container), "ports")
    numbers = [port for each in listening if (port := int_at(each, "containerPort"))]
    return PORT if PORT in numbers or not numbers else numbers[0]


def not_asked(target: Target) -> Verification:
    """Return the result for a pod that is not ready, or whose guard has not said what it wrote."""
    fault = f"not ready: the guard's decision is {target.decision}"
    if not target.guarded:
        fault = "the patched file is mounted, but no guard writes it: litellm-overlay doctor"
    elif target.ready:
        fault = "the guard's report cannot be read; restart the pod for a new one"
    return Verification(target, None, (fault,))


def has_gone(target: Target, running: Iterable[Object]) -> bool:
    """Tell whether a pod is no longer there, or about to go: evicted, rescheduled, rolled out."""
    return not any(name(pod) == target.pod and not pods.is_over(pod) for pod in running)


def gone_result(target: Target) -> Verification:
    """Return the result for a pod that went while it was asked."""
    return Verification(target, None, ("the pod went meanwhile: verify once more",))


def payload_of(target: Target, config_map: Object | None) -> dict[str, bytes] | None:
    """Return the files that a pod would get if it started now, by path; None: no ConfigMap."""
    if config_map is None:
        return None
    data = mapping(config_map, "data")
    files = {path: data.get(key) for key, path in target.origin.paths.items()}
    return {path: text.encode() for path, text in files.items() if isinstance(text, str)}


def payload_fault(target: Target, digest: str | None) -> str:
    """Return what is wrong with the payload in the cluster; `digest` is None where it is gone."""
    name, expected = target.origin.config_map, target.origin.digest
    if digest is None:
        return f"the ConfigMap {name} is gone: no new pod starts; put the overlay in once more"
    if digest == expected:
        return ""
    return (
        f"the ConfigMap {name} was altered: it is {digest[:12]}, the pod template wants "
        f"{str(expected)[:12]}; no new pod starts from it: put the overlay's own back"
    )


def making_fault(target: Target, made: str) -> str:
    """Return what is wrong with the hash that the guard reports; `made` is this tool's own."""
    if target.sha256 == made:
        return ""
    return (
        f"the guard says that it wrote {str(target.sha256)[:12]}; LiteLLM's published file gives "
        f"{made[:12]}: do not trust this image"
    )


def judge(
    target: Target, module: bytes, diagnosis: Diagnosis, faults: Iterable[str] = ()
) -> Verification:
    """Return what the module's bytes and the live turn come to, beside the faults found before."""
    faults = [*filter(None, faults)]
    sha256 = hashlib.sha256(module).hexdigest()
    if sha256 != target.sha256:
        faults.append(
            f"{target.module} in the container has sha256 {sha256[:12]}, "
            f"the guard wrote {str(target.sha256)[:12]}: restart the pod"
        )
    verdict = diagnosis.verdict
    if verdict.name != _PROMISED.get((target.decision, target.mode), "works"):
        faults.append("; ".join(filter(None, (verdict.sentence, verdict.hint))))
    return Verification(target, verdict.name, tuple(faults))
