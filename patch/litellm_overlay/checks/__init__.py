"""What is wrong with LiteLLM proxies and the way to them, found in their Kubernetes objects. Pure.

    objects ─world.read─> World ─one function a question─> findings

A question is `of_…(world, workload, known)`, asked for each workload that runs a proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.checks import admission, gateway, ingress, overlay, release, rollout, routers
from litellm_overlay.checks.finding import SEVERITIES, Finding
from litellm_overlay.checks.world import Named, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.objects.access import Object

__all__ = ["Finding", "Named", "findings", "read"]

_QUESTIONS = (
    release.of_image,
    release.of_pods,
    overlay.of_init,
    overlay.of_mount,
    overlay.of_payload,
    admission.of_gap,
    admission.of_constraints,
    rollout.of_drain,
    ingress.of_ingress,
    gateway.check_http_routes,
    gateway.of_istio,
    routers.of_route,
    routers.of_traefik,
)


def findings(
    objects: Iterable[Object], catalogue: Catalogue, named: Named | None = None
) -> tuple[Finding, ...]:
    """Return what is wrong: by object in the order of the input, the worst first, none twice."""
    world = read(objects, named)
    found = [
        item
        for workload in world.workloads
        for question in _QUESTIONS
        for item in question(world, workload, catalogue)
    ]
    unique = dict.fromkeys([*found, *overlay.check_missing_init_container(world)])
    order = {title: number for number, title in enumerate(dict.fromkeys(f.object for f in unique))}
    return tuple(sorted(unique, key=lambda f: (order[f.object], SEVERITIES.index(f.severity))))
