"""Read from a cluster what the checks look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from litellm_overlay.errors import OverlayError
from litellm_overlay.objects.kinds import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_overlay.objects.access import Object

# Plural, and the kind, which the items of a list lack.
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
# A route may lead to a Gateway of another namespace; classes have none.
_EVERYWHERE = {
    "gateways.v1.gateway.networking.k8s.io": "Gateway",
    "ingressclasses.v1.networking.k8s.io": "IngressClass",
}
# The kinds to list, as kinds.py names them: in the chosen namespace, and in all.
KINDS = (*_WORKLOADS, *_AROUND)
KINDS_EVERYWHERE = tuple(_EVERYWHERE)


class Lister(Protocol):
    """What `cluster.client.connect` returns, as far as it is used here."""

    def list(self, kind: str, namespace: str | None = None, labels: str = "") -> list[Object]:
        """Return all objects of a kind; none of a custom one that the cluster does not have."""


def read_cluster(
    cluster: Lister,
    namespace: str | None,
    tell: Callable[[str], None] = print,
    labels: str = "",
) -> list[Object]:
    """Return the objects of a namespace, of all for None; workloads and pods with these labels.

    Raises OverlayError if workloads or pods may not be read. `tell` gets a sentence for each other
    kind that may not be read; the remaining checks still run.
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
