"""Ask a pod without the overlay for its LiteLLM release, with the operator's consent."""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_overlay import lock
from litellm_overlay.catalogue import releases
from litellm_overlay.errors import ClusterError, OverlayError, VerificationError
from litellm_overlay.objects import pods
from litellm_overlay.objects.access import name, string_at
from litellm_overlay.objects.workloads import PodTemplate
from litellm_overlay.overlay import values
from litellm_overlay.overlay.plan import Planner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.cluster.client import Cluster
    from litellm_overlay.fleet.rows import WorkloadStatus
    from litellm_overlay.lock import Lock
    from litellm_overlay.objects.access import Object

_VERSION = re.compile(rb"(?<![\w.])\d+\.\d+\.\d+(?:[.-]?(?:rc|dev|post)\.?\d+)?(?![\w.])")


def to_pin(connection: Cluster, rows: Sequence[WorkloadStatus]) -> Lock:
    """Return the lock for what a workload without the overlay runs; `rows` must hold only one.

    Runs `litellm --version` in one of its pods, and reads endpoints.py there. Raises OverlayError
    for several workloads, for malware, if no pod is ready, if the version is unclear, or if the
    file is not that of the release.
    """
    row, *more = rows
    if more:
        raise VerificationError(
            f"{' and '.join(each.workload for each in rows)} do not carry the overlay",
            "name the one to ask: --workload KIND/NAME",
        )
    if row.decision == "malicious":
        raise VerificationError(f"{row.workload} runs malware", "litellm-overlay status")
    pod = _ready_pod(connection, row)
    container = string_at(PodTemplate(pod).first_proxy, "name")
    version = _version(connection, row, pod, container)
    digest = pods.image_digest(pods.image_id(pod, container))
    reference = row.image.partition("@")[0] + (f"@{digest}" if digest else "")
    planner = Planner.from_values(values.load("", image=reference, litellm_version=version))
    pinned = lock.to_pin(planner)
    own = _file_sha256(connection, row, pod, container, version)
    if pinned.stock_sha256 and own != pinned.stock_sha256:
        raise VerificationError(
            f"the endpoints.py in {row.workload} is not that of LiteLLM {version}: its sha256 is "
            f"{own}",
            "look at it: kubectl exec … cat, then litellm-overlay diff FILE; to patch it all the "
            f"same: inject --on-unknown patch --expected-sha256 {own}",
        )
    return replace(pinned, stock_sha256=own, chart_version=None)


def _ready_pod(connection: Cluster, row: WorkloadStatus) -> Object:
    owner = (row.namespace, row.kind, row.name)
    listed = connection.list("pods", row.namespace)
    ready = (it for it in listed if pods.owner(it) == owner and not pods.is_over(it))
    pod = next((it for it in ready if pods.is_ready(it)), None)
    if pod is None:
        raise OverlayError(f"no pod of {row.workload} is ready, so none can be asked")
    return pod


def _version(connection: Cluster, row: WorkloadStatus, pod: Object, container: str) -> str:
    from litellm_overlay.cluster import tunnel  # noqa: PLC0415 - the cluster's client, slow

    place = (connection, row.namespace, name(pod), container)
    printed = tunnel.execute(*place, ("litellm", "--version"))
    versions: set[str] = {each.decode() for each in _VERSION.findall(printed)}
    if len(versions) != 1:
        raise OverlayError(
            f"litellm --version in {row.workload} does not print one version",
            "say it: pin --image REFERENCE --litellm VERSION",
        )
    return versions.pop()


def _file_sha256(
    connection: Cluster, row: WorkloadStatus, pod: Object, container: str, version: str
) -> str:
    """Return the sha256 of endpoints.py in a container, at the first path where it exists."""
    from litellm_overlay.cluster import tunnel  # noqa: PLC0415 - as above

    place = (connection, row.namespace, name(pod), container)
    *others, last = [each.path for each in releases.load().paths_of(version)] or [""]
    if not last:
        raise OverlayError(f"nobody knows where LiteLLM {version} keeps its endpoints.py")
    for path in others:
        with contextlib.suppress(ClusterError):
            return hashlib.sha256(tunnel.read_file(*place, path)).hexdigest()
    return hashlib.sha256(tunnel.read_file(*place, last)).hexdigest()
