"""Read the status and the owner of a pod. All verbs share these readers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.names import INIT_CONTAINER
from litellm_overlay.objects.access import (
    at,
    find_by_name,
    items,
    labels,
    name,
    namespace,
    string_at,
)
from litellm_overlay.objects.workloads import PodTemplate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.objects.access import Object

Owner = tuple[str, str, str]  # namespace, kind, name
# ReplicaSets are not listed: with all old revisions they can be most of a cluster's objects.
# A ReplicaSet's name is its owner's name, a hyphen and the value of this label of its pods.
_HASHES = {"pod-template-hash": "Deployment", "rollouts-pod-template-hash": "Rollout"}
_STATUSES = ("initContainerStatuses", "containerStatuses")


def is_over(pod: Object) -> bool:
    """Say whether a pod is being deleted, or has ended (evicted, completed, failed)."""
    ended = string_at(pod, "status", "phase") in {"Failed", "Succeeded"}
    return ended or at(pod, "metadata", "deletionTimestamp") is not None


def owner(pod: Object) -> Owner:
    """Return namespace, kind and name of a pod's controller; the pod's own if it has none.

    A ReplicaSet is replaced by its Deployment or Rollout.
    """
    home = namespace(pod) or ""
    references = items(pod, "metadata", "ownerReferences")
    above = next((each for each in references if each.get("controller")), None)
    if not above:
        return home, "Pod", name(pod)
    kind, called = string_at(above, "kind"), string_at(above, "name")
    for label, keeper in _HASHES.items():
        hash_ = string_at(labels(pod), label)
        if kind == "ReplicaSet" and hash_ and called.endswith(f"-{hash_}"):
            return home, keeper, called.removesuffix(f"-{hash_}")
    return home, kind, called


def is_ready(pod: Object) -> bool:
    """Say whether a pod is ready, so that it gets requests."""
    ready = (each for each in items(pod, "status", "conditions") if each.get("type") == "Ready")
    return any(each.get("status") == "True" for each in ready)


def image_id(pod: Object, container: str) -> str:
    """Return the imageID of a container or init container in the pod's status, "" for none."""
    for part in _STATUSES:
        if status := find_by_name(items(pod, "status", part), container):
            return string_at(status, "imageID")
    return ""


def two_images(pod: Object) -> tuple[str, str] | None:
    """Return the imageIDs of our guard and of the proxy if both are known and differ, else None."""
    template = PodTemplate(pod)
    if not template.guard:
        return None
    ids = image_id(pod, INIT_CONTAINER), image_id(pod, string_at(template.first_proxy, "name"))
    return ids if all(ids) and ids[0] != ids[1] else None


def image_digest(image_id: str) -> str | None:
    """Return the digest in an imageID, None where it has none.

    An imageID without a name before the digest is local to the node, so it does not count.
    """
    return image_id.rpartition("@")[2] if "@" in image_id else None


def waiting(pod: Object) -> Iterator[tuple[str, str, str]]:
    """Yield name, reason and message of each waiting container, init containers first."""
    for part in _STATUSES:
        for status in items(pod, "status", part):
            if reason := string_at(status, "state", "waiting", "reason"):
                yield (
                    string_at(status, "name"),
                    reason,
                    string_at(status, "state", "waiting", "message"),
                )


def why_waiting(pod: Object) -> str:
    """Return why a pod's guard has not run, as the kubelet or the scheduler says it."""
    for container, reason, message in waiting(pod):
        if reason != "PodInitializing":
            return f"{container}: {reason}{f', {message}' if message else ''}"
    for condition in items(pod, "status", "conditions"):
        if condition.get("reason") == "Unschedulable":
            return f"Unschedulable, {condition.get('message')}"
    return "it is starting"
