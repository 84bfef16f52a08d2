"""`doctor`, `status` and `verify` do not crash on any value in any place of an object."""

from __future__ import annotations

import copy

import pytest

from fakes import objects as fake
from litellm_overlay import checks
from litellm_overlay.catalogue import releases
from litellm_overlay.checks import address
from litellm_overlay.fleet.rows import workload_statuses
from litellm_overlay.fleet.verification import targets

CATALOGUE = releases.load()
RULES = [{"backendRefs": [{"name": "litellm"}], "timeouts": {"request": "1s"}}]
TARGET = [{"kind": "HTTPRoute", "name": "litellm"}]
ROUTE = {"route": [{"destination": {"host": "litellm"}}], "timeout": "30s"}
POOL = {"connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}}}


def lean(item):
    """Return an object without the fields that nobody reads, to save time."""
    spec = item["spec"] if item["kind"] == "Pod" else fake.pod_of(item)
    spec["volumes"][0]["configMap"].pop("items")
    for part in set(spec["initContainers"][0]) - {"name", "image", "command", "env"}:
        spec["initContainers"][0].pop(part)
    return item


WHOLE = [
    lean(fake.overlaid()),
    fake.service(**{"cloud.google.com/backend-config": '{"default": "slow"}'}),
    lean(fake.pod({"decision": "refused", "litellmVersion": "1.88.6", "message": "no"})),
    fake.config_map("payload-1.0.0"),
    fake.ingress("gce", {"nginx.org/proxy-read-timeout": "60s"}, tls=[{"hosts": ["x"]}]),
    fake.ingress("nginx", {"nginx.org/websocket-services": "x"}),
    fake.ingress("alb", {"alb.ingress.kubernetes.io/load-balancer-attributes": "a=b"}),
    fake.custom("BackendConfig", "slow", timeoutSec=60),
    fake.custom("HTTPRoute", rules=RULES, parentRefs=[{"name": "litellm"}], hostnames=["x"]),
    fake.custom("Gateway", gatewayClassName="gke-x"),
    fake.custom("GCPBackendPolicy", targetRef={"name": "litellm"}, default={"timeoutSec": 3}),
    fake.custom("BackendTrafficPolicy", targetRefs=TARGET, timeout={"http": {}}),
    fake.custom("VirtualService", http=[ROUTE]),
    fake.custom("DestinationRule", host="litellm", trafficPolicy=POOL),
    fake.custom("HorizontalPodAutoscaler", scaleTargetRef={"kind": "Deployment"}),
    fake.custom("IngressClass", "gce", controller="x"),
]
ANYTHING = [
    None,
    True,
    -1,
    2.5,
    "",
    "x",
    "{}",
    "[]",
    "null",
    [],
    [None],
    ["x"],
    [[]],
    {},
    {"x": []},
]


def places(value, path=()):
    """Yield the path of every value in nested lists and dicts."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*path, key))
        else:
            yield (*path, key)


PLACES = [path for path in places(WHOLE) if len(path) > 1]


@pytest.mark.parametrize("value", ANYTHING, ids=repr)
def test_any_value_in_any_place(value):
    """Any value in any place gives findings or none, without a crash."""
    for path in PLACES:
        objects = copy.deepcopy(WHOLE)
        inside = objects
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = value
        findings = checks.findings(objects, CATALOGUE)
        assert all(isinstance(item.what, str) and item.what for item in findings), path
        address.addresses(checks.build_world(objects))


def listed(kind, objects):
    """Return the objects of a kind without `kind`, as the API lists them."""
    return [
        {k: v for k, v in each.items() if k != "kind"} for each in objects if each["kind"] == kind
    ]


OWNED = lean(fake.overlaid()), {**fake.pod({"decision": "patched", "exitCode": 0}), "kind": "Pod"}
OWNED[1]["metadata"]["ownerReferences"] = [
    {"kind": "ReplicaSet", "name": "litellm-7", "controller": True}
]
OWNED[1]["metadata"]["labels"] = {"pod-template-hash": "7"}


@pytest.mark.parametrize("value", ANYTHING, ids=repr)
def test_any_value_in_a_workload_or_a_pod_of_a_fleet(value):
    """`status` and `verify` accept any value as well, so one object does not hide others."""
    for path in places(OWNED):
        if len(path) < 2 or path[1] == "kind":
            continue
        objects = [*copy.deepcopy(OWNED)]
        inside = objects
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = value
        workloads = {"deployments": listed("Deployment", objects)}
        workload_statuses(workloads, listed("Pod", objects), CATALOGUE)
        targets(listed("Pod", objects), CATALOGUE)


def test_the_fleet_is_looked_at():
    """The test's fleet has a row in `status` and a target in `verify`."""
    workloads = {"deployments": listed("Deployment", OWNED)}
    (row,) = workload_statuses(workloads, listed("Pod", OWNED), CATALOGUE)
    assert (row.pods, row.workload) == (1, "deployment/litellm")
    assert len(targets(listed("Pod", OWNED), CATALOGUE)) == 1


def test_the_whole_is_looked_at():
    """The test's objects have findings of many topics."""
    topics = {item.topic for item in checks.findings(WHOLE, CATALOGUE)}
    assert {"refused", "payload-missing", "gke-timeout", "ingress-alb", "istio-h2"} <= topics
