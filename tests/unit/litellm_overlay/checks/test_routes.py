"""Objects between client and proxy, by controller, and the address that they give."""

from __future__ import annotations

import pytest
import yaml

from fakes import objects as fake
from litellm_overlay import checks
from litellm_overlay.catalogue import releases
from litellm_overlay.checks import address, limits

CATALOGUE = releases.load()
NGINX = "nginx.ingress.kubernetes.io"
ALB = "alb.ingress.kubernetes.io/load-balancer-attributes"


def find(*objects, service=None):
    """Return severity, topic and object of each finding, with a correct proxy and Service."""
    given = [fake.overlaid(), service or fake.service(), *objects]
    return [(it.severity, it.topic, it.object) for it in checks.findings(given, CATALOGUE)]


def topics(*objects, service=None):
    """Return (severity, topic) of each finding."""
    return [item[:2] for item in find(*objects, service=service)]


def timeouts(prefix, value):
    """Return both timeout annotations of an NGINX controller."""
    return {f"{prefix}/proxy-read-timeout": value, f"{prefix}/proxy-send-timeout": value}


def ingress_class(name, controller):
    """Return an IngressClass."""
    return {"kind": "IngressClass", "metadata": {"name": name}, "spec": {"controller": controller}}


@pytest.mark.parametrize(
    ("class_", "annotations", "expected"),
    [
        ("nginx", {}, [("warning", "ingress-nginx")] * 2),
        ("nginx", timeouts(NGINX, "3600"), []),
        ("nginx", timeouts(NGINX, "10"), [("error", "ingress-nginx")] * 2),
        (
            "nginx",
            {**timeouts(NGINX, "3600"), f"{NGINX}/proxy-read-timeout": "60"},
            [("warning", "ingress-nginx")],
        ),
        (None, {f"{NGINX}/proxy-body-size": "32m"}, [("warning", "ingress-nginx")] * 2),
        ("nginx", timeouts("nginx.org", "3600s"), [("error", "ingress-f5")]),
        (
            "nginx",
            {**timeouts("nginx.org", "1h"), "nginx.org/websocket-services": "a, litellm"},
            [],
        ),
        (None, {"nginx.org/websocket-services": "litellm"}, [("warning", "ingress-f5")] * 2),
        ("haproxy", {}, []),
        ("haproxy", {"haproxy.org/timeout-tunnel": "60s"}, [("warning", "ingress-haproxy")]),
        ("alb", {}, [("warning", "ingress-alb")]),
        ("alb", {ALB: "a=b,idle_timeout.timeout_seconds=4000"}, []),
        (None, {ALB: "idle_timeout.timeout_seconds=120"}, [("warning", "ingress-alb")]),
        ("gce", {}, [("error", "gke-timeout")]),
        (None, {"kubernetes.io/ingress.class": "gce-internal"}, [("error", "gke-timeout")]),
        ("traefik", {}, [("note", "ingress-traefik")]),
        ("contour", {}, [("note", "ingress-unknown")]),
        (None, {}, [("note", "ingress-unknown")]),
    ],
)
def test_ingress(class_, annotations, expected):
    """An Ingress's controller is known by class or annotations; defaults count."""
    assert topics(fake.ingress(class_, annotations)) == expected


@pytest.mark.parametrize(
    ("controller", "expected"),
    [
        ("k8s.io/ingress-nginx", "ingress-nginx"),
        ("nginx.org/ingress-controller", "ingress-f5"),
        ("ingress.k8s.aws/alb", "ingress-alb"),
        ("traefik.io/ingress-controller", "ingress-traefik"),
        ("example.com/controller", "ingress-unknown"),
    ],
)
def test_the_ingress_class_tells_the_controller(controller, expected):
    """The IngressClass's controller decides, whatever the class's name."""
    result = topics(fake.ingress("public"), ingress_class("public", controller))
    assert {topic for _, topic in result} == {expected}


def fix(*objects, service=None):
    """Return the first finding's fix, parsed as YAML."""
    given = [fake.overlaid(), service or fake.service(), *objects]
    return yaml.safe_load(checks.findings(given, CATALOGUE)[0].fix)


def test_a_fix_keeps_what_the_annotation_says_already():
    """A fix keeps the other settings in the annotation that it replaces."""
    assert fix(fake.ingress("alb", {ALB: "a=b, idle_timeout.timeout_seconds=30,c=d"})) == {
        ALB: "a=b,c=d,idle_timeout.timeout_seconds=3600"
    }
    others = {"nginx.org/websocket-services": "b, a"}
    assert fix(fake.ingress("nginx", others)) == {"nginx.org/websocket-services": "b,a,litellm"}


def test_a_fix_changes_the_object_that_is_there():
    """A fix changes an existing policy or BackendConfig, and keeps its settings."""
    service = fake.service(**{"cloud.google.com/backend-config": '{"default": "slow"}'})
    missing = fix(fake.ingress("gce"), service=service)
    assert (missing["kind"], missing["metadata"]["name"]) == ("BackendConfig", "slow")
    slow = fake.custom("BackendConfig", "slow", timeoutSec=30)
    assert fix(fake.ingress("gce"), slow, service=service) == {"spec": {"timeoutSec": 3600}}
    rules = [{"backendRefs": [{"name": "litellm"}]}]
    route = fake.custom("HTTPRoute", "door", parentRefs=[{"name": "door"}], rules=rules)
    gateway = fake.custom("Gateway", "door", gatewayClassName="gke-l7-rilb")
    assert fix(route, gateway)["kind"] == "GCPBackendPolicy"
    policy = fake.custom("GCPBackendPolicy", "mine", targetRef={"name": "litellm"})
    assert fix(route, gateway, policy) == {"spec": {"default": {"timeoutSec": 3600}}}


def test_ingress_to_something_else():
    """An Ingress to another Service or in another namespace has no finding."""
    elsewhere = fake.ingress("nginx")
    elsewhere["metadata"]["namespace"] = "other"
    assert find(fake.ingress("nginx", backend="grafana"), elsewhere) == []


def test_ingress_by_default_backend():
    """An Ingress with the proxy as default backend is checked."""
    door = fake.ingress("alb", defaultBackend={"service": {"name": "litellm"}}, rules=[])
    assert topics(door) == [("warning", "ingress-alb")]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ([], [("warning", "gke-timeout", "Service/llm/litellm")]),
        ([{}], [("error", "gke-timeout", "BackendConfig/llm/slow")]),
        ([{"timeoutSec": 60}], [("error", "gke-timeout", "BackendConfig/llm/slow")]),
        ([{"timeoutSec": 600}], [("warning", "gke-timeout", "BackendConfig/llm/slow")]),
        ([{"timeoutSec": 3600}], []),
    ],
)
@pytest.mark.parametrize("said", ['{"default": "slow"}', '{"ports": {"http": "slow"}}'])
def test_gke_backend_config(said, config, expected):
    """A BackendConfig limits a connection's lifetime, to 30 s by default."""
    configs = [fake.custom("BackendConfig", "slow", **spec) for spec in config]
    service = fake.service(**{"cloud.google.com/backend-config": said})
    assert find(fake.ingress("gce"), *configs, service=service) == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, []), ("0s", []), ("15s", ["error"]), ("10m", ["warning"]), ("1h", [])],
)
@pytest.mark.parametrize("setting", ["request", "backendRequest"])
def test_http_route_timeouts(setting, limit, expected):
    """An HTTPRoute's timeout limits a WebSocket; 0 means none."""
    rule = {"backendRefs": [{"name": "litellm"}], "timeouts": {setting: limit}}
    other = {"backendRefs": [{"name": "grafana"}], "timeouts": {setting: "1s"}}
    route = fake.custom("HTTPRoute", rules=[other, rule])
    assert topics(route) == [(severity, "route-timeout") for severity in expected]


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        ({"requestTimeout": "0s", "streamIdleTimeout": "1h"}, []),
        ({"requestTimeout": "15s"}, ["error"]),
        ({"maxStreamDuration": "5m"}, ["warning"]),
        ({"streamIdleTimeout": "5m"}, ["warning"]),
    ],
)
@pytest.mark.parametrize("target", ["HTTPRoute", "Gateway"])
def test_envoy_gateway_policy(target, http, expected):
    """An Envoy Gateway policy counts for its route or Gateway."""
    refs = [{"name": "door"}]
    rules = [{"backendRefs": [{"name": "litellm"}]}]
    route = fake.custom("HTTPRoute", "door", parentRefs=refs, rules=rules)
    policy = fake.custom(
        "BackendTrafficPolicy",
        targetRefs=[{"kind": target, "name": "door"}],
        timeout={"http": http},
    )
    result = topics(route, fake.custom("Gateway", "door"), policy)
    assert result == [(severity, "envoy-timeout") for severity in expected]


@pytest.mark.parametrize(("seconds", "expected"), [(None, ["error"]), (3600, [])])
def test_gke_gateway(seconds, expected):
    """A GKE Gateway needs a GCPBackendPolicy."""
    refs = [{"name": "door"}]
    rules = [{"backendRefs": [{"name": "litellm"}]}]
    route = fake.custom("HTTPRoute", "door", parentRefs=refs, rules=rules)
    gateway = fake.custom("Gateway", "door", gatewayClassName="gke-l7-global-external-managed")
    policy = fake.custom(
        "GCPBackendPolicy",
        targetRef={"kind": "Service", "name": "litellm"},
        default={"timeoutSec": seconds},
    )
    assert [it[0] for it in topics(route, gateway, policy)] == expected


@pytest.mark.parametrize("host", ["litellm", "litellm.llm.svc.cluster.local"])
def test_istio(host):
    """Istio's route timeout and HTTP/2 upgrade are found."""
    route = {"route": [{"destination": {"host": host}}], "timeout": "30s"}
    virtual = fake.custom("VirtualService", http=[route])
    pool = {"connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}}}
    rule = fake.custom("DestinationRule", host=host, trafficPolicy=pool)
    assert topics(virtual, rule) == [("error", "istio-timeout"), ("warning", "istio-h2")]


def test_istio_of_another_service():
    """Istio's rules for another Service have no finding."""
    route = {"route": [{"destination": {"host": "litellm.other.svc"}}], "timeout": "30s"}
    assert topics(fake.custom("VirtualService", http=[route])) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60),
        (60, 60),
        ("60s", 60),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("0s", 0),
        ("", None),
        ("fast", None),
        (None, None),
    ],
)
def test_duration(text, seconds):
    """Durations of annotations, Gateway API and Go are parsed to seconds."""
    assert limits.duration(text) == seconds


def base_url(*objects):
    """Return the base URLs of the one proxy."""
    world = checks.build_world([fake.overlaid(), *objects])
    return [item.base_url for item in address.addresses(world)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, "http://llm.example.com/v1"),
        ({"tls": [{"hosts": ["llm.example.com"]}]}, "https://llm.example.com/v1"),
        ({"tls": [{"secretName": "any"}]}, "https://llm.example.com/v1"),
        ({"tls": [{"hosts": ["other.example.com"]}]}, "http://llm.example.com/v1"),
    ],
)
def test_the_address_is_the_ingress_host(spec, expected):
    """The base URL has the Ingress's host, with https if it has TLS for that host."""
    assert base_url(fake.service(), fake.ingress("nginx", **spec)) == [expected]


@pytest.mark.parametrize(
    ("path", "expected"), [("/v1/responses", "/v1"), ("/v1", "/v1"), ("/llm/", "/llm/v1")]
)
def test_the_address_below_a_path(path, expected):
    """The base URL has the Ingress's path, as with SERVER_ROOT_PATH."""
    door = fake.ingress("nginx")
    door["spec"]["rules"][0]["http"]["paths"][0]["path"] = path
    assert base_url(fake.service(), door) == [f"http://llm.example.com{expected}"]


def test_the_address_without_ingress():
    """Without an Ingress the route's host gives the address, else the Service's name."""
    rules = [{"backendRefs": [{"name": "litellm"}]}]
    route = fake.custom("HTTPRoute", rules=rules, hostnames=["*.example.com", "r.example.com"])
    assert base_url(fake.service(), route) == ["https://r.example.com/v1"]
    assert base_url(fake.service()) == ["http://litellm.llm.svc:4000/v1"]
    assert base_url() == []
