"""The objects that doctor reads from a cluster."""

from __future__ import annotations

import pytest

from fakes import objects as fake
from litellm_overlay import checks
from litellm_overlay.catalogue import releases
from litellm_overlay.cluster.gather import read_cluster
from litellm_overlay.errors import OverlayError


class Cluster:
    """A fake cluster: `list` returns items without `kind`; some kinds are forbidden."""

    def __init__(self, objects, forbidden=()):
        self.objects, self.forbidden, self.asked = objects, forbidden, []

    def list(self, kind, namespace=None, labels=""):
        self.asked.append((kind, namespace))
        if kind in self.forbidden:
            raise OverlayError(f"not allowed to list {kind} (403)")
        return [
            {key: value for key, value in item.items() if key != "kind"}
            for item in self.objects.get(kind, [])
        ]


ALL = {
    "deployments": [fake.overlaid()],
    "services": [fake.service()],
    "ingresses": [fake.ingress("public")],
    "ingressclasses.v1.networking.k8s.io": [
        {"kind": "", "metadata": {"name": "public"}, "spec": {"controller": "ingress.k8s.aws/alb"}}
    ],
}


def test_what_is_read_can_be_checked():
    """Listed items get their `kind`, so that the checks work."""
    findings = checks.findings(read_cluster(Cluster(ALL), "llm"), releases.load())
    assert [item.topic for item in findings] == ["ingress-alb"]


def test_one_namespace_but_for_what_has_none():
    """With a namespace only kinds without one, or in any one, are listed for the whole cluster."""
    cluster = Cluster(ALL)
    read_cluster(cluster, "llm")
    outside = [kind for kind, namespace in cluster.asked if namespace is None]
    assert outside == [
        "gateways.v1.gateway.networking.k8s.io",
        "ingressclasses.v1.networking.k8s.io",
    ]
    assert ("pods", "llm") in cluster.asked


def test_forbidden_kind_around_the_workloads():
    """A forbidden kind other than workloads is a warning, and the rest is read."""
    messages = []
    result = read_cluster(Cluster(ALL, forbidden={"ingresses"}), "llm", messages.append)
    assert {item["kind"] for item in result} == {"Deployment", "Service", "IngressClass"}
    assert messages == ["Ingress objects were not looked at: not allowed to list ingresses (403)"]


def test_forbidden_workloads():
    """Forbidden workloads are an error."""
    with pytest.raises(OverlayError, match="deployments"):
        read_cluster(Cluster(ALL, forbidden={"deployments"}), "llm")
