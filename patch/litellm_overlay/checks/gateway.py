"""Check timeouts on the way to a proxy: Gateway API, Envoy Gateway, GKE's Gateway and Istio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.checks import limits
from litellm_overlay.checks.finding import Finding
from litellm_overlay.objects.access import (
    Object,
    at,
    items,
    mapping,
    name,
    namespace,
    qualified_name,
    string_at,
)
from litellm_overlay.printed import yaml_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.checks.world import Workload, World

_GCP_POLICY = """\
apiVersion: networking.gke.io/v1
kind: GCPBackendPolicy
metadata: {name: litellm}
spec:
  default: {timeoutSec: 3600}
  targetRef: {group: "", kind: Service, name: %s}"""


def check_http_routes(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield findings for timeouts of the HTTPRoutes to a workload, and of their Gateways."""
    del catalogue
    services = {name(item) for item in world.services_of(workload)}
    for route, rules in _routes(world, workload, services):
        for rule in rules:
            for setting in ("request", "backendRequest"):
                yield from _life(
                    qualified_name(route),
                    "route-timeout",
                    f"timeouts.{setting}",
                    at(rule, "timeouts", setting),
                    f'timeouts: {{{setting}: "0s"}}',
                )
        gateways = _gateways(world, route)
        yield from _envoy(world, [route, *gateways])
        if any(str(at(item, "spec", "gatewayClassName")).startswith("gke-") for item in gateways):
            backends = {
                string_at(ref, "name") for rule in rules for ref in items(rule, "backendRefs")
            }
            for service in sorted(services & backends):
                yield from _gke(world, workload, service)


def check_istio(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield findings for Istio's timeouts and HTTP/2 upgrades on the way to a workload."""
    del catalogue
    for service in world.services_of(workload):
        for virtual in world.of_kind("VirtualService"):
            for route in items(virtual, "spec", "http"):
                hosts = [at(it, "destination", "host") for it in items(route, "route")]
                if any(_is_host(host, virtual, service) for host in hosts):
                    yield from _life(
                        qualified_name(virtual),
                        "istio-timeout",
                        "timeout",
                        at(route, "timeout"),
                        "timeout: 0s",
                    )
        for rule in world.of_kind("DestinationRule"):
            pool = ("spec", "trafficPolicy", "connectionPool", "http", "h2UpgradePolicy")
            if _is_host(at(rule, "spec", "host"), rule, service) and at(rule, *pool) == "UPGRADE":
                yield Finding(
                    qualified_name(rule),
                    "warning",
                    "istio-h2",
                    "connections to the proxy are made HTTP/2 (h2UpgradePolicy: UPGRADE)",
                    "a WebSocket begins as an upgrade of HTTP/1.1, which an HTTP/2 hop may break",
                    "h2UpgradePolicy: DO_NOT_UPGRADE",
                )


def routes_to(world: World, workload: Workload) -> Iterator[Object]:
    """Yield the HTTPRoutes that lead to a workload."""
    services = {name(item) for item in world.services_of(workload)}
    return (route for route, _ in _routes(world, workload, services))


def _routes(
    world: World, workload: Workload, services: set[str]
) -> Iterator[tuple[Object, list[Object]]]:
    """Yield each HTTPRoute with those of its rules that lead to one of the Services."""
    home = namespace(workload.item)
    for route in world.of_kind("HTTPRoute"):
        rules = [
            rule
            for rule in items(route, "spec", "rules")
            if any(
                string_at(ref, "name") in services
                and ref.get("kind", "Service") == "Service"
                and (string_at(ref, "namespace") or namespace(route)) == home
                for ref in items(rule, "backendRefs")
            )
        ]
        if rules:
            yield route, rules


def _gateways(world: World, route: Object) -> list[Object]:
    wanted = {
        (string_at(ref, "namespace") or namespace(route), string_at(ref, "name"))
        for ref in items(route, "spec", "parentRefs")
    }
    return [item for item in world.of_kind("Gateway") if (namespace(item), name(item)) in wanted]


def _envoy(world: World, targets: list[Object]) -> Iterator[Finding]:
    for policy in world.of_kind("BackendTrafficPolicy"):
        refs = [*items(policy, "spec", "targetRefs"), mapping(policy, "spec", "targetRef")]
        if not any(
            ref.get("kind") == target.get("kind")
            and ref.get("name") == name(target)
            and namespace(policy) == namespace(target)
            for ref in refs
            for target in targets
        ):
            continue
        http = mapping(policy, "spec", "timeout", "http")
        for key in ("requestTimeout", "maxStreamDuration"):
            fix = f"timeout: {{http: {{{key}: 0s}}}}"
            yield from _life(qualified_name(policy), "envoy-timeout", key, http.get(key), fix)
        seconds = limits.duration(http.get("streamIdleTimeout"))
        fix = "timeout: {http: {streamIdleTimeout: 3600s}}"
        finding = limits.idle(
            qualified_name(policy), "envoy-timeout", "streamIdleTimeout", seconds or 0, fix
        )
        if finding:
            yield finding


def _gke(world: World, workload: Workload, service: str) -> Iterator[Finding]:
    home = namespace(workload.item)
    where, timeout = "/".join(filter(None, ("Service", home, service))), None
    fix = _GCP_POLICY % yaml_word(service)
    for policy in world.of_kind("GCPBackendPolicy"):
        target = mapping(policy, "spec", "targetRef")
        if namespace(policy) == home and target.get("name") == service:
            where, timeout = qualified_name(policy), at(policy, "spec", "default", "timeoutSec")
            fix = "spec: {default: {timeoutSec: 3600}}"
    what = "timeoutSec" if timeout else "GKE's default; no GCPBackendPolicy sets timeoutSec"
    yield from _life(where, "gke-timeout", what, timeout or 30, fix)


def _is_host(host: object, owner: Object, service: Object) -> bool:
    """Say whether a host in an Istio object is a Service, by its short or its full name."""
    first, _, rest = str(host).partition(".")
    if first != name(service):
        return False
    if not rest:
        return namespace(owner) == namespace(service)
    return rest.split(".")[0] == namespace(service) or namespace(service) is None


def _life(where: str, topic: str, what: str, value: object, fix: str) -> Iterator[Finding]:
    seconds = limits.duration(value)
    finding = limits.life(where, topic, what, seconds or 0, fix)
    if finding:
        yield finding
