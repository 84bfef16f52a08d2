"""Select the pods that `verify` checks, and judge the results. Pure."""

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

PORT = 4000  # LiteLLM's default; assumed if a container lists no ports
# By decision: the report's field with the hash of the file that the proxy should load.
_EXPECTED = {
    "patched": "patchedSha256",
    "upstream-fixed": "stockSha256",
    "passthrough": "stockSha256",
}
# By decision and mode: the verdict that `probe` must give, if it is not "works".
_PROMISED = {("patched", "http-fallback"): "http-fallback"}


@dataclass(frozen=True, slots=True)
class Origin:
    """The inputs from which the guard made a pod's module.

    `config_map` is the name of the payload's ConfigMap. `paths` maps its keys to file paths.
    `digest` is the payload's digest in the pod's annotation. `plan` is the guard's plan; `report`
    is the guard's report, {} if it is unreadable.
    """

    config_map: str
    paths: Mapping[str, str]
    digest: str | None
    plan: Object
    report: Object


@dataclass(frozen=True, slots=True)
class Target:
    """A pod with the overlay: the port of its proxy, and the guard's report on its module.

    `module` is the module's path and `sha256` its expected hash; each is None if the guard did not
    report it. `mode` is the overlay's. `guarded` is true if the pod has our init container.
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
    """The result for one target.

    `verdict` is the probe's, None if no probe ran. `faults` are sentences; without any, Codex works
    in this pod as the overlay promises.
    """

    target: Target
    verdict: str | None
    faults: tuple[str, ...]


def targets(running: Iterable[Object], catalogue: Catalogue) -> tuple[Target, ...]:
    """Return the pods that carry the overlay, sorted by namespace and name.

    Pods that have ended, are terminating or are short-lived are left out.
    """
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
    """Return the result for a pod that is not ready, has no guard, or has no readable report."""
    fault = f"not ready: the guard's decision is {target.decision}"
    if not target.guarded:
        fault = "the patched file is mounted, but no guard writes it: litellm-overlay doctor"
    elif target.ready:
        fault = "the guard's report cannot be read; restart the pod for a new one"
    return Verification(target, None, (fault,))


def has_gone(target: Target, running: Iterable[Object]) -> bool:
    """Tell whether a pod is deleted, terminating or ended: evicted, rescheduled, replaced."""
    return not any(name(pod) == target.pod and not pods.is_over(pod) for pod in running)


def gone_result(target: Target) -> Verification:
    """Return the result for a pod that disappeared while it was verified."""
    return Verification(target, None, ("the pod went meanwhile: verify once more",))


def payload_of(target: Target, config_map: Object | None) -> dict[str, bytes] | None:
    """Return path -> content of the payload in a ConfigMap; None if there is no ConfigMap."""
    if config_map is None:
        return None
    data = mapping(config_map, "data")
    files = {path: data.get(key) for key, path in target.origin.paths.items()}
    return {path: text.encode() for path, text in files.items() if isinstance(text, str)}


def payload_fault(target: Target, digest: str | None) -> str:
    """Return a sentence if the payload in the cluster is missing or altered, else "".

    `digest` is the payload's digest as the cluster has it now, None if the ConfigMap is missing.
    """
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
    """Return a sentence if the guard reports a hash other than `made`, else "".

    `made` is the sha256 of the same file, made by this tool.
    """
    if target.sha256 == made:
        return ""
    return (
        f"the guard says that it wrote {str(target.sha256)[:12]}; LiteLLM's published file gives "
        f"{made[:12]}: do not trust this image"
    )


def judge(
    target: Target, module: bytes, diagnosis: Diagnosis, faults: Iterable[str] = ()
) -> Verification:
    """Return the result for a target, from its module's bytes and the probe's diagnosis.

    `faults` are earlier faults to include; "" stands for none.
    """
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
