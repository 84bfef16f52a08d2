"""Find the base URL of each proxy, which Codex needs in its configuration. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_overlay.checks import gateway, ingress, routers
from litellm_overlay.objects.access import (
    Object,
    items,
    mapping,
    name,
    namespace,
    string_at,
    string_list_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.checks.world import Workload, World


@dataclass(frozen=True, slots=True)
class Address:
    """A proxy's base URL, which ends in /v1. `via` is the kind of object that it comes from."""

    workload: str
    via: str
    base_url: str


def addresses(world: World) -> tuple[Address, ...]:
    """Return one address of each workload that has any: an external one, else its Service's."""
    candidates = (next(_candidates(world, workload), None) for workload in world.workloads)
    return tuple(item for item in candidates if item)


def _candidates(world: World, workload: Workload) -> Iterator[Address]:
    for item in ingress.leading_to(world, workload):
        for rule in items(item, "spec", "rules"):
            host = str(rule.get("host") or "*")
            paths = items(rule, "http", "paths")
            if "*" not in host and paths:
                scheme = "https" if _has_tls(item, host) else "http"
                base = _base(str(paths[0].get("path") or "/"))
                yield Address(workload.qualified_name, "Ingress", f"{scheme}://{host}{base}")
    for route in gateway.routes_to(world, workload):
        for host in string_list_at(route, "spec", "hostnames"):
            if "*" not in host:
                yield Address(workload.qualified_name, "HTTPRoute", f"https://{host}/v1")
    yield from _routes(world, workload)
    for service in world.services_of(workload):
        ports = items(service, "spec", "ports")
        if ports:
            inside = f".{namespace(service)}.svc" if namespace(service) else ""
            url = f"http://{name(service)}{inside}:{ports[0].get('port')}/v1"
            yield Address(workload.qualified_name, "Service", url)


def _routes(world: World, workload: Workload) -> Iterator[Address]:
    for route in routers.routes_to(world, workload):
        if host := string_at(route, "spec", "host"):
            scheme = "https" if mapping(route, "spec", "tls") else "http"
            base = _base(string_at(route, "spec", "path") or "/")
            yield Address(workload.qualified_name, "Route", f"{scheme}://{host}{base}")


def _has_tls(item: Object, host: str) -> bool:
    parts = items(item, "spec", "tls")
    return any(host in (string_list_at(part, "hosts") or [host]) for part in parts)


def _base(path: str) -> str:
    """Return the path of /v1 that belongs to the path of a route.

    A path below /v1 only limits what passes, so it gives /v1.
    """
    return "/v1" if path == "/" or path.startswith("/v1") else f"{path.rstrip('/')}/v1"
