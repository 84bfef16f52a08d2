"""Find what is wrong with LiteLLM proxies and the routes to them, in Kubernetes objects. Pure.

    objects ─build_world─> World ─checks─> findings

A check is `check_…(world, workload, catalogue)`. It runs for each workload that runs a proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.checks import admission, gateway, ingress, overlay, release, rollout, routers
from litellm_overlay.checks.finding import SEVERITIES, Finding
from litellm_overlay.checks.world import Named, build_world

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.objects.access import Object

__all__ = ["Finding", "Named", "build_world", "findings"]

_CHECKS = (
    release.check_release,
    release.check_pod_reports,
    overlay.check_init_container,
    overlay.check_mount,
    overlay.check_payload,
    admission.check_outage_risk,
    admission.check_security_constraints,
    rollout.check_drain,
    ingress.check_ingresses,
    gateway.check_http_routes,
    gateway.check_istio,
    routers.check_routes,
    routers.check_traefik,
)


def findings(
    objects: Iterable[Object], catalogue: Catalogue, named: Named | None = None
) -> tuple[Finding, ...]:
    """Return all findings, each once, grouped by object, the most severe of an object first."""
    world = build_world(objects, named)
    results = [
        item
        for workload in world.workloads
        for check in _CHECKS
        for item in check(world, workload, catalogue)
    ]
    unique = dict.fromkeys([*results, *overlay.check_missing_init_container(world)])
    order = {title: number for number, title in enumerate(dict.fromkeys(f.object for f in unique))}
    return tuple(sorted(unique, key=lambda f: (order[f.object], SEVERITIES.index(f.severity))))
