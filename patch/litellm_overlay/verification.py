"""What `verify` asks of one pod, and what the answers come to. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_overlay import pods

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_overlay.catalogue import Catalogue
    from litellm_overlay.diagnosis import Diagnosis
    from litellm_overlay.pods import Object

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
class Target:
    """A pod with the overlay: where its proxy listens, and what the guard says of its module.

    `module` and `sha256` are None where the guard has not written a file; `mode` is the overlay's.
    """

    namespace: str
    pod: str
    container: str
    port: int
    decision: str
    module: str | None
    sha256: str | None
    mode: str
    ready: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What was found out about a target; `faults` are sentences, empty if Codex works there."""

    target: Target
    verdict: str | None
    faults: tuple[str, ...]


def targets(running: Iterable[Object], known: Catalogue) -> tuple[Target, ...]:
    """Return the pods that carry the overlay and are not ending, by namespace and name."""
    found = [
        _target(pod, template, known)
        for pod in running
        if not pods.is_over(pod) and (template := pods.template(pod, known)) and template.overlaid
    ]
    return tuple(sorted(found, key=lambda target: (target.namespace, target.pod)))


def _target(pod: Object, template: pods.Template, known: Catalogue) -> Target:
    seen = pods.read(pod, template, known)
    metadata, conditions = pod["metadata"], (pod.get("status") or {}).get("conditions") or []
    return Target(
        namespace=str(metadata.get("namespace", "")),
        pod=seen.name,
        container=template.container,
        port=_port(pod, template.container),
        decision=seen.decision or "pending",
        module=seen.report.get("modulePath"),
        sha256=seen.report.get(_EXPECTED.get(seen.decision or "", "")),
        mode=template.mode,
        ready=any(item.get("type") == "Ready" and item["status"] == "True" for item in conditions),
    )


def _port(pod: Object, container: str) -> int:
    named: list[dict[str, Any]] = next(
        (
            each.get("ports") or []
            for each in pod["spec"].get("containers") or []
            if each.get("name") == container
        ),
        [],
    )
    numbers = [int(port["containerPort"]) for port in named]
    return PORT if PORT in numbers or not numbers else numbers[0]


def not_asked(target: Target) -> Result:
    """Return the result for a pod that is not ready, or whose guard has not said what it wrote."""
    fault = f"not ready: the guard's decision is {target.decision}"
    if target.ready:
        fault = "the guard's report cannot be read; restart the pod for a new one"
    return Result(target, None, (fault,))


def has_gone(target: Target, running: Iterable[Object]) -> bool:
    """Tell whether a pod is no longer there, or about to go: evicted, rescheduled, rolled out."""
    return not any(
        pod["metadata"]["name"] == target.pod and not pods.is_over(pod) for pod in running
    )


def gone(target: Target) -> Result:
    """Return the result for a pod that went while it was asked."""
    return Result(target, None, ("the pod went meanwhile: verify once more",))


def judge(target: Target, module: bytes, diagnosis: Diagnosis) -> Result:
    """Return what the module's bytes and the live turn come to."""
    faults = []
    found = hashlib.sha256(module).hexdigest()
    if found != target.sha256:
        faults.append(
            f"{target.module} in the container has sha256 {found[:12]}, "
            f"the guard wrote {str(target.sha256)[:12]}: restart the pod"
        )
    verdict = diagnosis.verdict
    if verdict.name != _PROMISED.get((target.decision, target.mode), "works"):
        faults.append(" ".join(filter(None, (verdict.sentence, verdict.hint))))
    return Result(target, verdict.name, tuple(faults))
