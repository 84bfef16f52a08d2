"""Find unfinished rollouts, by the rules of `kubectl rollout status`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.objects.access import int_at, mapping, name, namespace, string_at
from litellm_overlay.objects.workloads import PodTemplate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from litellm_overlay.objects.access import Object


def unfinished(workloads: Iterable[Object]) -> Iterator[str]:
    """Yield "namespace/kind/name: reason" for each overlaid workload with an unfinished rollout.

    Each object must have its `kind`, which the items of a Kubernetes list lack.
    """
    for item in workloads:
        if PodTemplate(mapping(item, "spec", "template")).overlaid and (why := _why(item)):
            title = f"{namespace(item)}/{string_at(item, 'kind').lower()}/{name(item)}"
            yield f"{title}: {why}"


def _why(item: Object) -> str:
    """Return why a rollout is unfinished, "" if it is finished."""
    status = mapping(item, "status")
    if (int_at(status, "observedGeneration") or 0) < (int_at(item, "metadata", "generation") or 0):
        return "its change has not been seen yet"
    if string_at(item, "kind") == "DaemonSet":
        wanted = int_at(status, "desiredNumberScheduled") or 0
        counts = ("updatedNumberScheduled", "numberAvailable")
    else:
        asked = int_at(item, "spec", "replicas")
        wanted = 1 if asked is None else asked
        counts = ("updatedReplicas", "availableReplicas")
    updated, available = (int_at(status, key) or 0 for key in counts)
    if updated < wanted:
        return f"{updated} of {wanted} pods are new"
    if (int_at(status, "replicas") or 0) > updated:
        return "old pods have not gone yet"
    if available < wanted:
        return f"{available} of {wanted} pods are available"
    return ""
