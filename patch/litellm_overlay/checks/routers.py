"""Check timeouts of OpenShift's Routes and Traefik's IngressRoutes to a proxy. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.checks import limits
from litellm_overlay.checks.finding import Finding
from litellm_overlay.objects.access import (
    Object,
    annotations_of,
    items,
    name,
    namespace,
    qualified_name,
    string_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.checks.world import Workload, World

# A tunnel is a WebSocket; the router's default for it is an hour. The other is for HTTP answers.
_TUNNEL = "haproxy.router.openshift.io/timeout-tunnel"
_TIMEOUT = "haproxy.router.openshift.io/timeout"
_DEFAULT = 30  # seconds, the router's default of _TIMEOUT
TRAEFIK = (
    "its limits stand in Traefik's own configuration, which is no object of the cluster",
    "a WebSocket lives on once it is open; an HTTP answer is cut where writeTimeout is set",
    (
        "# look at entryPoints.NAME.transport.respondingTimeouts there, and ask\n"
        "litellm-overlay probe URL --key-env LITELLM_KEY"
    ),
)


def check_routes(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield findings for timeouts of OpenShift's Routes to a workload."""
    del catalogue
    for route in routes_to(world, workload):
        annotations = annotations_of(route)
        for key, default in ((_TUNNEL, 0), (_TIMEOUT, _DEFAULT)):
            seconds = limits.duration(annotations.get(key))
            what = key if seconds is not None else f"{key} is not set"
            if key == _TIMEOUT:
                if (seconds if seconds is not None else default) >= limits.PATIENCE:
                    continue
                yield Finding(
                    qualified_name(route),
                    "note",
                    "openshift-route",
                    f"an HTTP answer that is quiet for {seconds or default:g} s is cut ({what})",
                    "a WebSocket has a limit of its own, an hour by default; over HTTP a turn is "
                    "cut while the model thinks",
                    f"{key}: 3600s",
                )
            elif finding := limits.idle(
                qualified_name(route), "openshift-route", what, seconds or default, f"{key}: 3600s"
            ):
                yield finding


def check_traefik(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield a note for each IngressRoute to a workload: no object has Traefik's limits."""
    del catalogue
    for route in ingress_routes_to(world, workload):
        what, why, fix = TRAEFIK
        yield Finding(qualified_name(route), "note", "ingress-traefik", what, why, fix)


def routes_to(world: World, workload: Workload) -> Iterator[Object]:
    """Yield the Routes that lead to a workload."""
    services = {name(item) for item in world.services_of(workload)}
    for route in world.of_kind("Route"):
        others = items(route, "spec", "alternateBackends")
        names = {
            string_at(route, "spec", "to", "name"),
            *(string_at(each, "name") for each in others),
        }
        if names & services and namespace(route) == namespace(workload.item):
            yield route


def ingress_routes_to(world: World, workload: Workload) -> Iterator[Object]:
    """Yield Traefik's IngressRoutes that lead to a workload."""
    services = {name(item) for item in world.services_of(workload)}
    home = namespace(workload.item)
    for route in world.of_kind("IngressRoute"):
        if any(
            string_at(service, "name") in services
            and (string_at(service, "namespace") or namespace(route)) == home
            for rule in items(route, "spec", "routes")
            for service in items(rule, "services")
        ):
            yield route
