"""The kinds of objects that are read from a cluster, and where its API has them. Pure.

A kind is a plural in lower case: "pods"; that of a custom resource is written as kubectl has it,
"httproutes.v1.gateway.networking.k8s.io".
"""

from __future__ import annotations

from urllib.parse import quote

# Plural -> kind of the workloads; the items of an API list do not say their kind.
WORKLOADS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
# API group and version; the core group's name is empty, as in RBAC rules.
BUILT_IN = {
    **dict.fromkeys(("configmaps", "events", "pods", "secrets", "services"), ("", "v1")),
    **dict.fromkeys(("daemonsets", "deployments", "replicasets", "statefulsets"), ("apps", "v1")),
    "jobs": ("batch", "v1"),
    "ingresses": ("networking.k8s.io", "v1"),
}


def plural(kind: str) -> str:
    """Return a kind's name without version and group."""
    return kind.partition(".")[0]


def group(kind: str) -> str:
    """Return the API group of a kind, or of a subresource as "pods/exec"."""
    return _where(kind.partition("/")[0])[0]


def path(kind: str, namespace: str | None) -> str:
    """Return where the objects of a kind are, in a namespace or, for None, in all."""
    group, version = _where(kind)
    root = f"apis/{group}/{version}" if group else f"api/{version}"
    within = f"namespaces/{quote(namespace, safe='', errors='replace')}/" if namespace else ""
    return f"{root}/{within}{plural(kind)}"


def _where(kind: str) -> tuple[str, str]:
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    _, version, group = kind.split(".", 2)
    return group, version
