"""The kinds of objects that are read from a cluster, and their paths in its API. Pure.

A kind is a plural in lower case, such as "pods". A custom resource is written as in kubectl, with
version and group: "httproutes.v1.gateway.networking.k8s.io".
"""

from __future__ import annotations

from urllib.parse import quote

# Plural -> kind of each workload; the items of an API list lack their kind.
WORKLOADS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
# Plural -> API group and version. The core group is "", as in RBAC rules.
BUILT_IN = {
    **dict.fromkeys(("configmaps", "events", "pods", "secrets", "services"), ("", "v1")),
    **dict.fromkeys(("daemonsets", "deployments", "replicasets", "statefulsets"), ("apps", "v1")),
    "jobs": ("batch", "v1"),
    "ingresses": ("networking.k8s.io", "v1"),
}


def plural(kind: str) -> str:
    """Return a kind's plural, without version and group."""
    return kind.partition(".")[0]


def group(kind: str) -> str:
    """Return the API group of a kind, or of a subresource such as "pods/exec"."""
    return _where(kind.partition("/")[0])[0]


def path(kind: str, namespace: str | None) -> str:
    """Return the API path of a kind's objects in a namespace; in all namespaces for None."""
    group, version = _where(kind)
    root = f"apis/{group}/{version}" if group else f"api/{version}"
    within = f"namespaces/{quote(namespace, safe='', errors='replace')}/" if namespace else ""
    return f"{root}/{within}{plural(kind)}"


def _where(kind: str) -> tuple[str, str]:
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    _, version, group = kind.split(".", 2)
    return group, version
