"""OpenShift's Routes, Traefik, LiteLLM's workers, and proxies that an operator names."""

from __future__ import annotations

import pytest

from fakes import objects as fake
from litellm_overlay import checks
from litellm_overlay.catalogue import releases
from litellm_overlay.checks import address
from litellm_overlay.checks.together import merge_objects

CATALOGUE = releases.load()
ROUTER = "haproxy.router.openshift.io"


def found(*objects, named=None):
    """Return severity, topic and object of each finding."""
    findings = checks.findings(objects, CATALOGUE, named)
    return [(item.severity, item.topic, item.object) for item in findings]


def route(annotations=None, service="litellm", **spec):
    """Return an OpenShift Route."""
    item = fake.custom("Route", to={"kind": "Service", "name": service}, **spec)
    item["metadata"]["annotations"] = annotations or {}
    return item


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, ["note"]),
        ({f"{ROUTER}/timeout": "600s"}, []),
        ({f"{ROUTER}/timeout": "10m", f"{ROUTER}/timeout-tunnel": "1h"}, []),
        ({f"{ROUTER}/timeout": "10m", f"{ROUTER}/timeout-tunnel": "60s"}, ["warning"]),
        ({f"{ROUTER}/timeout": "10m", f"{ROUTER}/timeout-tunnel": "5s"}, ["error"]),
        ({f"{ROUTER}/timeout": "30s"}, ["note"]),
    ],
)
def test_a_route_of_openshift(annotations, expected):
    """A Route's timeout annotations decide; HTTP's default is a finding as well."""
    given = [fake.overlaid(), fake.service(), route(annotations)]
    assert [
        severity for severity, topic, _ in found(*given) if topic == "openshift-route"
    ] == expected
    other = [fake.overlaid(), fake.service(), route(annotations, service="other")]
    assert found(*other) == []


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        ({"host": "llm.example.com"}, "http://llm.example.com/v1"),
        ({"host": "llm.example.com", "tls": {"termination": "edge"}}, "https://llm.example.com/v1"),
        ({"host": "example.com", "path": "/llm", "tls": {"a": 1}}, "https://example.com/llm/v1"),
    ],
)
def test_a_route_tells_the_address(spec, url):
    """A Route gives the base URL for Codex."""
    world = checks.build_world([fake.overlaid(), fake.service(), route(**spec)])
    assert [(item.via, item.base_url) for item in address.addresses(world)] == [("Route", url)]


def test_traefik_is_named():
    """Traefik is found by its class and its routes, with a note, as its limits are not visible."""
    own = fake.custom("IngressRoute", routes=[{"services": [{"name": "litellm", "port": 4000}]}])
    other = fake.custom("IngressRoute", routes=[{"services": [{"name": "other"}]}])
    for item in (own, fake.ingress("traefik")):
        (told,) = found(fake.overlaid(), fake.service(), item)
        assert told[:2] == ("note", "ingress-traefik")
    assert found(fake.overlaid(), fake.service(), other) == []


@pytest.mark.parametrize(("role", "expected"), [("worker", []), ("serving", ["affected"])])
def test_a_worker_is_no_proxy(role, expected):
    """A LiteLLM worker without the overlay has no finding, since it serves no requests."""
    item = fake.stock(env=[{"name": "LITELLM_JOB_ROLE", "value": role}])
    assert [topic for _, topic, _ in found(item)] == expected


def test_a_proxy_by_another_name():
    """`--container` and `--image-name` make doctor find proxies with other images."""
    item = fake.stock("registry.example.com/llm-gateway:7")
    proxy = fake.proxy_of(item)
    proxy |= {"name": "app", "args": ["--config", "/c.yaml", "--port", "4000"]}
    stranger = fake.workload({"containers": [{"name": "app", "image": "redis:7"}]}, name="cache")
    assert found(item, stranger) == []
    unknown = [("warning", "unknown-release", "Deployment/llm/litellm")]
    assert found(item, stranger, named=checks.Named(("app",))) == unknown
    assert found(item, stranger, named=checks.Named((), "llm-gate*")) == unknown
    assert found(item, stranger, named=checks.Named(("other",), "litellm-*")) == []


def test_manifests_laid_over_a_cluster():
    """Given manifests replace objects of the cluster in their namespace; others stay."""
    there = [fake.overlaid(), fake.service(), fake.config_map("x")]
    given = fake.stock()
    del given["metadata"]["namespace"]
    new = fake.workload({"containers": []}, name="new")
    both = merge_objects(there, [given, new])
    assert [(it["kind"], it["metadata"]["name"]) for it in both] == [
        ("Service", "litellm"),
        ("ConfigMap", "x"),
        ("Deployment", "litellm"),
        ("Deployment", "new"),
    ]
    assert both[2]["metadata"]["namespace"] == there[1]["metadata"]["namespace"]
    elsewhere = fake.stock()
    elsewhere["metadata"]["namespace"] = "other"
    assert len(merge_objects(there, [elsewhere])) == 4
    # The same name in two namespaces: each manifest replaces its own.
    assert len(merge_objects([there[0], elsewhere], [elsewhere, fake.overlaid()])) == 2
    assert len(merge_objects([there[0], elsewhere], [fake.overlaid(), elsewhere])) == 2
