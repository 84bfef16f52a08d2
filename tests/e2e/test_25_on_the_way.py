"""Story 25, continued: the rows about components between client and proxy.

The cluster has no load balancer. The objects are real, and so are doctor's findings and its fixes.
Custom kinds are defined with a schema that accepts anything.
"""

from __future__ import annotations

import pytest
import yaml

from e2e.kit.first_aid import APPLY
from e2e.kit.stories import SECONDS

CUSTOM = {
    "BackendConfig": ("cloud.google.com/v1", "backendconfigs"),
    "GCPBackendPolicy": ("networking.gke.io/v1", "gcpbackendpolicies"),
    "Gateway": ("gateway.networking.k8s.io/v1", "gateways"),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes"),
    "BackendTrafficPolicy": ("gateway.envoyproxy.io/v1alpha1", "backendtrafficpolicies"),
    "VirtualService": ("networking.istio.io/v1", "virtualservices"),
    "DestinationRule": ("networking.istio.io/v1", "destinationrules"),
}
NGINX, F5 = "nginx.ingress.kubernetes.io", "nginx.org"
ALB = "alb.ingress.kubernetes.io/load-balancer-attributes"
BACKEND_CONFIG = "cloud.google.com/backend-config"
NOTE = ("metadata", "annotations")
RULE = {"backendRefs": [{"name": "litellm", "port": 4000}]}


@pytest.fixture(scope="module", autouse=True)
def deployed(aid, namespace):
    """Define the custom kinds, and deploy an overlaid proxy with no replicas."""
    kinds = [definition(kind, *CUSTOM[kind]) for kind in CUSTOM]
    namespace.apply(*kinds)
    names = [f"crd/{kind['metadata']['name']}" for kind in kinds]
    namespace.kubectl("wait", "--for=condition=Established", *names, f"--timeout={SECONDS}s")
    aid.deploy(before=lambda deployment: deployment["spec"].update(replicas=0))
    yield
    namespace.kubectl("delete", *names)


def definition(kind, api, plural):
    """Return a CustomResourceDefinition of a kind with any fields."""
    group, _, version = api.partition("/")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # Required for Kubernetes' own groups.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [{**served, "schema": {"openAPIV3Schema": anything}}],
        },
    }


def custom(kind, **spec):
    """Return a custom object."""
    return {
        "apiVersion": CUSTOM[kind][0],
        "kind": kind,
        "metadata": {"name": "door"},
        "spec": spec,
    }


def ingress(class_, **annotations):
    """Return an Ingress to the proxy."""
    backend = {"service": {"name": "litellm", "port": {"number": 4000}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "door", "annotations": annotations},
        "spec": {
            "ingressClassName": class_,
            "rules": [{"host": "llm.example.com", "http": {"paths": paths}}],
        },
    }


def service(**annotations):
    """Return the proxy's Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "litellm", "annotations": annotations},
        "spec": {"selector": {"app": "litellm"}, "ports": [{"port": 4000}]},
    }


def route(**timeouts):
    """Return an HTTPRoute to the proxy, from a Gateway."""
    return custom(
        "HTTPRoute", parentRefs=[{"name": "door"}], rules=[{**RULE, "timeouts": timeouts}]
    )


def gateway(class_):
    """Return the Gateway of the route."""
    return custom("Gateway", gatewayClassName=class_)


def envoy(**http):
    """Return a policy of Envoy Gateway for the route."""
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "door"}
    return custom("BackendTrafficPolicy", targetRefs=[target], timeout={"http": http})


def upgraded():
    """Return Istio's rule that upgrades connections to HTTP/2."""
    pool = {"http": {"h2UpgradePolicy": "UPGRADE", "idleTimeout": "1h"}}
    return custom("DestinationRule", host="litellm", trafficPolicy={"connectionPool": pool})


POOL = ("spec", "trafficPolicy", "connectionPool", "http")
VIRTUAL = {"http": [{"route": [{"destination": {"host": "litellm"}}], "timeout": "30s"}]}
GKE = [service(**{BACKEND_CONFIG: '{"default": "door"}'}), ingress("gce")]
# topic; the place in the first object for a fix that is a fragment; the objects
REFUSED = [
    ("ingress-f5", NOTE, [ingress("nginx", **{f"{F5}/websocket-services": "other"})]),
    ("istio-h2", POOL, [upgraded()]),
]
LIFE = [
    ("gke-timeout", (), [ingress("gce")]),
    ("gke-timeout", (), GKE),
    ("gke-timeout", (), [custom("BackendConfig", timeoutSec=30, logging={"enable": True}), *GKE]),
    ("gke-timeout", (), [route(), gateway("gke-l7-rilb")]),
    ("route-timeout", ("spec", "rules", 0), [route(request="15s", backendRequest="15s")]),
    ("envoy-timeout", ("spec",), [envoy(requestTimeout="15s", streamIdleTimeout="5m"), route()]),
    ("istio-timeout", ("spec", "http", 0), [custom("VirtualService", **VIRTUAL)]),
]
SILENCE = [
    ("ingress-nginx", NOTE, [ingress("nginx")]),
    ("ingress-nginx", NOTE, [ingress("nginx", **{f"{NGINX}/proxy-read-timeout": "10"})]),
    ("ingress-f5", NOTE, [ingress("nginx", **{f"{F5}/websocket-services": "litellm"})]),
    ("ingress-alb", NOTE, [ingress("alb", **{ALB: "access_logs.s3.enabled=true"})]),
    ("ingress-haproxy", NOTE, [ingress("haproxy", **{"haproxy.org/timeout-tunnel": "60s"})]),
]


def merge(into, what):
    """Merge a fragment into a dict, recursively."""
    for key, value in what.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def fix(aid, topic, path, objects):
    """Apply objects, then doctor's fixes until it has no finding of the topic; delete all."""
    there = {item["kind"]: item for item in (service(), *objects)}
    aid.namespace.apply(*there.values())
    fixes = [aid.finding(topic).fix]
    while fixes:
        fragment = yaml.safe_load(fixes[0])
        if "kind" in fragment:
            (aid.folder / "fix.yaml").write_text(fixes[0])
            aid.sh(f"{APPLY} fix.yaml")
            there[fragment["kind"]] = fragment
        else:
            place = objects[0]
            for key in path:
                place = place[key]
            merge(place, fragment)
            aid.namespace.apply(objects[0])
        for line in fixes[0].splitlines():
            if line.startswith("# and: "):
                aid.sh(line.removeprefix("# and: "))
        left = [found.fix for found in aid.findings() if found.topic == topic]
        assert fixes[0] not in left
        fixes = left
    for kind, item in there.items():
        aid.namespace.kubectl("delete", kind.lower(), item["metadata"]["name"])


def test_upgrades_are_refused(aid):
    """`doctor` fixes upgrades that F5's NGINX or an HTTP/2 hop refuses."""
    with aid.row("seven-second first turn"):
        for case in REFUSED:
            fix(aid, *case)


def test_the_life_of_a_connection_is_limited(aid):
    """`doctor` fixes limits on a connection's lifetime: GKE's default, and other timeouts."""
    with aid.row("cut after 15 or 30 s, in mid-turn"):
        for case in LIFE:
            fix(aid, *case)


def test_silence_is_limited(aid):
    """`doctor` fixes limits on silence, which most ingress controllers have by default."""
    with aid.row("cut after 60 s of silence"):
        for case in SILENCE:
            fix(aid, *case)
