"""Read a workload's LiteLLM release from its running pods, for tags that move. Pure.

The guard of a pod reports the release. Reports of other pods with the same image digest count, too,
so a workload without a guard can have a release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from litellm_overlay.objects import guard_report, pods
from litellm_overlay.objects.access import string_at
from litellm_overlay.objects.workloads import PodTemplate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from litellm_overlay.objects.access import Object


def release_from_pods(
    kind: str, name: str, namespace: str | None, running: Sequence[Object]
) -> str | None:
    """Return the release that guards report for a workload, None if it is not certain.

    It is not certain without a report, if reports differ, or if the workload's pods run different
    images. Namespace None matches any namespace.
    """
    alive = [pod for pod in running if not pods.is_over(pod)]
    mine = []
    for pod in alive:
        home, *of = pods.owner(pod)
        if of == [kind, name] and namespace in {None, home}:
            mine.append(pod)
    digests = _digests(mine)
    if not digests:  # a local image has no digest, so only the workload's own pods count
        versions = {_reported(pod) for pod in mine} - {None}
    else:
        same = [pod for pod in alive if _digests([pod]) & digests]
        versions = {_reported(pod) for pod in same} - {None}
    return versions.pop() if len(versions) == 1 and len(digests) < 2 else None


def _digests(listed: Iterable[Object]) -> set[str]:
    """Return the digests of the images that the proxies of these pods run."""
    ids = (pods.image_id(pod, string_at(PodTemplate(pod).first_proxy, "name")) for pod in listed)
    return {digest for each in ids if (digest := pods.image_digest(each))}


def _reported(pod: Object) -> str | None:
    """Return the release that a pod's guard reports, None if there is no valid one."""
    report = guard_report.read(pod)
    version = report.fact("litellmVersion")
    try:
        return str(Version(version)) if version and report.decision else None
    except InvalidVersion:
        return None
