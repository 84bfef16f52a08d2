"""Check timeouts of the Ingresses that lead to a proxy, by the rules of each controller."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from litellm_overlay.checks import limits
from litellm_overlay.checks.finding import Finding
from litellm_overlay.checks.routers import TRAEFIK
from litellm_overlay.objects.access import (
    Object,
    annotations_of,
    at,
    items,
    mapping,
    name,
    namespace,
    qualified_name,
)
from litellm_overlay.printed import shell_word, yaml_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.checks.world import Workload, World

_NGINX = "nginx.ingress.kubernetes.io"
_F5 = "nginx.org"
_ALB = "alb.ingress.kubernetes.io"
_ATTRIBUTES = re.compile(r"[a-z0-9_.=,-]+", re.ASCII)
_TUNNELS = ("haproxy.org/timeout-tunnel", "haproxy-ingress.github.io/timeout-tunnel")
_BACKEND_CONFIGS = ("cloud.google.com/backend-config", "beta.cloud.google.com/backend-config")
# A controller is recognised by its IngressClass; without that, by annotations if the class is
# missing or "nginx"; else by the usual name of the class.
_CONTROLLERS = {
    "k8s.io/ingress-nginx": _NGINX,
    "nginx.org/ingress-controller": _F5,
    "haproxy.org/ingress-controller": "haproxy",
    "haproxy-ingress.github.io/controller": "haproxy",
    "ingress.k8s.aws/alb": _ALB,
    "traefik.io/ingress-controller": "traefik",
    "traefik.containo.us/ingress-controller": "traefik",
}
_CLASSES = {"nginx": _NGINX, "haproxy": "haproxy", "alb": _ALB, "gce": "gce", "gce-internal": "gce"}
_BACKEND_CONFIG = """\
apiVersion: cloud.google.com/v1
kind: BackendConfig
metadata: {name: %s}
spec: {timeoutSec: 3600}"""
_ANNOTATE = """
# and: kubectl annotate service %s cloud.google.com/backend-config='{"default": "litellm"}'"""


def check_ingresses(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield findings for timeouts of the Ingresses to a workload."""
    del catalogue
    services = {name(item): item for item in world.services_of(workload)}
    for ingress in leading_to(world, workload):
        controller = _controller(world, ingress)
        if controller == _NGINX:
            yield from _nginx(ingress)
        elif controller == _F5:
            yield from _f5(ingress, _backends(ingress) & services.keys())
        elif controller == "haproxy":
            yield from _haproxy(ingress)
        elif controller == _ALB:
            yield from _alb(ingress)
        elif controller == "traefik":
            what, why, fix = TRAEFIK
            yield Finding(qualified_name(ingress), "note", "ingress-traefik", what, why, fix)
        elif controller == "gce":
            for service in _backends(ingress) & services.keys():
                yield from _gce(world, services[service])
        else:
            named = f"class {controller}" if controller else "no class"
            yield Finding(
                qualified_name(ingress),
                "note",
                "ingress-unknown",
                f"the Ingress has {named}, so which controller serves it is not known",
                "its limits on a connection are not known either",
                "let a connection live for 3600 s, and be quiet for 60 s at the least",
            )


def leading_to(world: World, workload: Workload) -> Iterator[Object]:
    """Yield the Ingresses that have a Service of the workload as a backend."""
    services = {name(item) for item in world.services_of(workload)}
    for ingress in world.of_kind("Ingress"):
        same = namespace(ingress) == namespace(workload.item)
        if same and services & _backends(ingress):
            yield ingress


def _backends(ingress: Object) -> set[str]:
    spec = mapping(ingress, "spec")
    paths = [path for rule in items(spec, "rules") for path in items(rule, "http", "paths")]
    services = [at(path, "backend", "service", "name") for path in paths]
    return {str(it) for it in (*services, at(spec, "defaultBackend", "service", "name")) if it}


def _controller(world: World, ingress: Object) -> str:
    """Return the controller of an Ingress, a value of _CONTROLLERS or _CLASSES.

    For an unknown one, it is the controller's own name or the class. Without a class it is "".
    """
    own = annotations_of(ingress)
    class_ = str(
        at(ingress, "spec", "ingressClassName") or own.get("kubernetes.io/ingress.class") or ""
    )
    for item in world.of_kind("IngressClass"):
        if name(item) == class_:
            controller = str(at(item, "spec", "controller"))
            return _CONTROLLERS.get(controller, controller)
    prefixes = {key.partition("/")[0] for key in own}
    if class_ in {"", "nginx"}:
        # Both NGINX controllers call their class "nginx"; annotations of one alone decide.
        marked = [prefix for prefix in (_NGINX, _F5, _ALB) if prefix in prefixes]
        if len(marked) == 1:
            return marked[0]
    return _CLASSES.get(class_, class_)


def _nginx(ingress: Object) -> Iterator[Finding]:
    for setting in ("proxy-read-timeout", "proxy-send-timeout"):
        key = f"{_NGINX}/{setting}"
        yield from _idle(ingress, "ingress-nginx", key, 60, f'{key}: "3600"')


def _f5(ingress: Object, services: set[str]) -> Iterator[Finding]:
    key = f"{_F5}/websocket-services"
    listed = _parts(ingress, key)
    if missing := sorted(services - set(listed)):
        yield Finding(
            qualified_name(ingress),
            "error",
            "ingress-f5",
            f"the annotation {key} does not name {', '.join(missing)}",
            "F5's NGINX lets no WebSocket through to a Service that it is not told of",
            f"{key}: {yaml_word(','.join([*listed, *missing]))}",
        )
    for setting in ("proxy-read-timeout", "proxy-send-timeout"):
        yield from _idle(ingress, "ingress-f5", f"{_F5}/{setting}", 60, f"{_F5}/{setting}: 3600s")


def _haproxy(ingress: Object) -> Iterator[Finding]:
    for (
        key
    ) in _TUNNELS:  # the default depends on the installation, so only an explicit value counts
        yield from _idle(ingress, "ingress-haproxy", key, 0, f"{key}: 3600s")


def _alb(ingress: Object) -> Iterator[Finding]:
    key = f"{_ALB}/load-balancer-attributes"
    setting = "idle_timeout.timeout_seconds"
    attributes = dict(pair.partition("=")[::2] for pair in _parts(ingress, key))
    timeout = limits.duration(attributes.get(setting, 60))
    wanted = {name: value for name, value in attributes.items() if name != setting}
    wanted[setting] = "3600"
    joined = ",".join("=".join(pair) for pair in wanted.items())
    fix = f"{key}: {joined if _ATTRIBUTES.fullmatch(joined) else yaml_word(joined)}"
    finding = limits.idle(
        qualified_name(ingress), "ingress-alb", "idle_timeout", timeout or 60, fix
    )
    if finding:
        yield finding


def _gce(world: World, service: Object) -> Iterator[Finding]:
    config_name = backend_config(service)
    where = qualified_name(service)
    fix = "spec: {timeoutSec: 3600}"
    if not config_name:
        what, seconds = "GKE's default; the Service names no BackendConfig", 30.0
        fix = _BACKEND_CONFIG % "litellm" + _ANNOTATE % shell_word(name(service))
    else:
        config = next(
            (
                item
                for item in world.of_kind("BackendConfig")
                if name(item) == config_name and namespace(item) == namespace(service)
            ),
            None,
        )
        if config is None:
            yield Finding(
                where,
                "warning",
                "gke-timeout",
                f"the BackendConfig {config_name} is not among the objects",
                "without spec.timeoutSec in it, each connection is cut after 30 s",
                _BACKEND_CONFIG % yaml_word(config_name),
            )
            return
        where = qualified_name(config)
        timeout = limits.duration(at(config, "spec", "timeoutSec"))
        what = "timeoutSec" if timeout else "GKE's default; there is no timeoutSec"
        seconds = timeout or 30.0
    cut = limits.life(where, "gke-timeout", what, seconds, fix)
    if cut:
        yield cut


def backend_config(service: Object) -> str:
    """Return the name of a Service's BackendConfig, "" where it names none."""
    for key in _BACKEND_CONFIGS:
        try:
            annotation = json.loads(annotations_of(service).get(key, "{}"))
        except (TypeError, ValueError, RecursionError):
            continue
        ports = mapping(annotation, "ports")
        config = at(annotation, "default") or next(iter(ports.values()), None)
        if config:
            return str(config)
    return ""


def _parts(ingress: Object, key: str) -> list[str]:
    """Return the items of an annotation with a comma-separated list, [] where it is missing."""
    parts = str(annotations_of(ingress).get(key, "")).split(",")
    return [part.strip() for part in parts if part.strip()]


def _idle(ingress: Object, topic: str, key: str, default: float, fix: str) -> Iterator[Finding]:
    timeout = limits.duration(annotations_of(ingress).get(key))
    what = key if timeout is not None else f"{key} is not set"
    finding = limits.idle(
        qualified_name(ingress), topic, what, default if timeout is None else timeout, fix
    )
    if finding:
        yield finding
