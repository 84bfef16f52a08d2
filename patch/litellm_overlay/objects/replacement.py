"""Tell whether a workload's old pods serve until the new ones are ready. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_overlay.objects.access import at, mapping, string_at
from litellm_overlay.objects.workloads import controller_title

if TYPE_CHECKING:
    from litellm_overlay.objects.access import Object

PASSTHROUGH = (
    "--on-unknown passthrough starts a proxy whose endpoints.py is not known, unpatched; or try "
    "the image on a copy of the workload first"
)


def outage_reason(item: Object) -> str:
    """Return why no old pod serves while the new one starts; "" where one does.

    In such a workload, a guard that refuses or a pod that is not admitted causes an outage.
    """
    kind = string_at(item, "kind")
    if kind == "Pod" and (owner := controller_title(item)):
        kind = owner.partition("/")[0]
    if kind == "StatefulSet":
        return "a StatefulSet deletes the old pod before it makes the new one"
    if kind == "DaemonSet":
        surge = at(item, "spec", "updateStrategy", "rollingUpdate", "maxSurge")
        deletes = "a DaemonSet deletes a node's old pod before it makes the new one"
        return "" if _pod_count(surge, 100, up=True) else deletes
    if kind == "Pod":
        return "a Pod cannot be changed: it is deleted and created again"
    strategy = mapping(item, "spec", "strategy")
    if string_at(strategy, "type") == "Recreate":
        return "its strategy, Recreate, deletes the old pods before it makes the new ones"
    wanted = at(item, "spec", "replicas")
    replicas = wanted if isinstance(wanted, int) else 1
    unavailable = at(strategy, "rollingUpdate", "maxUnavailable")
    if replicas and _pod_count(unavailable, replicas, up=False) >= replicas:
        return (
            f"its maxUnavailable, {unavailable}, lets all {replicas} old pods go at once"
            if replicas > 1
            else f"its maxUnavailable, {unavailable}, lets the only pod go first"
        )
    return ""


def _pod_count(value: object, of: int, *, up: bool) -> int:
    """Convert "25%" or 3 to a number of pods out of `of`, rounded up or down; 0 if invalid."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and (percent := re.fullmatch(r"(\d{1,3})%", value, re.ASCII)):
        share = int(percent[1]) * of
        return -(-share // 100) if up else share // 100
    return 0
