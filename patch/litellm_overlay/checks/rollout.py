"""What becomes of running sessions when a pod ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_overlay.checks.model import Finding, Object, Workload, World, at, mapping, name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue import Catalogue

_MARGIN = 30  # seconds, for what comes before and after the drain
# Ours: `ends=$(($(date +%s) + 120))`; by hand: `sleep 120`.
_SECONDS = re.compile(r"\+%s\) \+ (\d+)|\bsleep\s+(\d+)")
_DRAIN = """\
litellm-overlay inject --set drainFile=/tmp/litellm-overlay-drain < MANIFESTS
and in the proxy's container, which must be allowed to write to /tmp:
  lifecycle:
    postStart: {exec: {command: [rm, -f, /tmp/litellm-overlay-drain]}}
    preStop: {exec: {command: [sh, -c, "sleep 5; touch /tmp/litellm-overlay-drain; sleep 60"]}}
and in the pod: terminationGracePeriodSeconds: 95"""


def of_drain(world: World, workload: Workload, known: Catalogue) -> Iterator[Finding]:
    """Yield how a rollout cuts sessions, of workloads whose overlay serves WebSockets."""
    del known
    if not workload.websocket or workload.item.get("kind") == "Pod":
        return
    hook = next(
        (mapping(each, "lifecycle", "preStop") for each in workload.proxies),
        {},
    )
    if not hook:
        relay = str(workload.plan.get("patchVersion", "")).startswith("1.")
        yield Finding(
            workload.title,
            "warning",
            "no-drain",
            "the proxy has no preStop hook",
            "LiteLLM's server cuts every WebSocket at once when its pod ends, running turns too",
            "patch 2.0.0 can drain, 1.0.0 cannot; then:\n" + _DRAIN if relay else _DRAIN,
        )
        if at(workload.item, "spec", "replicas") in {None, 1} and not _scaled(world, workload):
            yield Finding(
                workload.title,
                "note",
                "one-replica",
                "there is one replica, and it does not drain",
                "each rollout and each drained node cuts all sessions at once",
                "replicas: 2, or a preStop hook",
            )
        return
    drain = seconds(hook)
    grace = at(workload.pod, "terminationGracePeriodSeconds")
    grace = grace if isinstance(grace, int) else 30
    if drain is not None and grace < drain + _MARGIN:
        yield Finding(
            workload.title,
            "warning",
            "short-grace",
            f"the pod is killed after {grace} s, but its preStop hook takes up to {drain} s",
            "sessions that still run then are cut without a close; Codex waits up to 300 s",
            f"terminationGracePeriodSeconds: {drain + _MARGIN}",
        )


def seconds(hook: Object) -> int | None:
    """Return how long a preStop hook takes at most, as far as it tells; None where it does not."""
    sleep = at(hook, "sleep", "seconds")
    if isinstance(sleep, int):
        return sleep
    command = at(hook, "exec", "command")
    text = " ".join(map(str, command)) if isinstance(command, list) else ""
    found = [int(ours or by_hand) for ours, by_hand in _SECONDS.findall(text)]
    # Our loop sleeps within its time, so the time counts and not the sleeps.
    return max(found) if "+%s) +" in text else sum(found) if found else None


def _scaled(world: World, workload: Workload) -> bool:
    targets = (mapping(it, "spec", "scaleTargetRef") for it in world.of("HorizontalPodAutoscaler"))
    return any(
        it.get("name") == name(workload.item) and it.get("kind") == workload.item.get("kind")
        for it in targets
    )
