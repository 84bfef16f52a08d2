"""Read the objects that the checks need from a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from litellm_overlay.errors import OverlayError
from litellm_overlay.objects.kinds import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_overlay.objects.access import Object

# Plural -> kind; the items of a Kubernetes list lack their kind.
_WORKLOADS = {**WORKLOADS, "pods": "Pod"}
_AROUND = {
    "configmaps": "ConfigMap",
    "services": "Service",
    "ingresses": "Ingress",
    "jobs": "Job",
    "cronjobs.v1.batch": "CronJob",
    "horizontalpodautoscalers.v2.autoscaling": "HorizontalPodAutoscaler",
    "backendconfigs.v1.cloud.google.com": "BackendConfig",
    "gcpbackendpolicies.v1.networking.gke.io": "GCPBackendPolicy",
    "httproutes.v1.gateway.networking.k8s.io": "HTTPRoute",
    "backendtrafficpolicies.v1alpha1.gateway.envoyproxy.io": "BackendTrafficPolicy",
    "routes.v1.route.openshift.io": "Route",
    "ingressroutes.v1alpha1.traefik.io": "IngressRoute",
    "virtualservices.v1.networking.istio.io": "VirtualService",
    "destinationrules.v1.networking.istio.io": "DestinationRule",
}
# A route may use a Gateway in another namespace; an IngressClass is cluster-scoped.
_EVERYWHERE = {
    "gateways.v1.gateway.networking.k8s.io": "Gateway",
    "ingressclasses.v1.networking.k8s.io": "IngressClass",
}
# The kinds to list, written as in kinds.py: in the chosen namespace, and in all namespaces.
KINDS = (*_WORKLOADS, *_AROUND)
KINDS_EVERYWHERE = tuple(_EVERYWHERE)


class Lister(Protocol):
    """The part of `cluster.client.Cluster` that this module uses."""

    def list(self, kind: str, namespace: str | None = None, labels: str = "") -> list[Object]:
        """Return all objects of a kind; [] for a custom resource that is not installed."""


def read_cluster(
    cluster: Lister,
    namespace: str | None,
    tell: Callable[[str], None] = print,
    labels: str = "",
) -> list[Object]:
    """Return the objects of a namespace, or of all namespaces if it is None.

    Gateways and IngressClasses are read in all namespaces. `labels` selects workloads and pods
    only. Raises OverlayError if these cannot be listed. For each other kind that cannot be listed,
    `tell` gets a sentence.
    """
    objects = [item for it in _WORKLOADS.items() for item in _list(cluster, *it, namespace, labels)]
    for kinds, where in ((_AROUND, namespace), (_EVERYWHERE, None)):
        for plural, kind in kinds.items():
            objects += _list_or_tell(cluster, plural, kind, where, tell)
    return objects


def _list(
    cluster: Lister, plural: str, kind: str, namespace: str | None, labels: str = ""
) -> list[Object]:
    return [{"kind": kind, **item} for item in cluster.list(plural, namespace, labels)]


def _list_or_tell(
    cluster: Lister, plural: str, kind: str, namespace: str | None, tell: Callable[[str], None]
) -> list[Object]:
    try:
        return _list(cluster, plural, kind, namespace)
    except OverlayError as error:
        tell(f"{kind} objects were not looked at: {error.message}")
        return []
