"""Kubernetes objects of one overlaid proxy without faults; each test breaks them in one way."""

from __future__ import annotations

import copy
import json
from functools import cache

from fakes import overlaid as real
from fakes import payloads
from litellm_overlay.overlay import values

IMAGE = "ghcr.io/berriai/litellm:v1.88.6"
PATH = "/app/.venv/lib/python3.13/site-packages/litellm/proxy/response_api_endpoints/endpoints.py"
LABELS = {"app": "litellm"}


def overlaid(image=IMAGE, path=PATH, version="2.0.0", **pod):
    """Return a Deployment that `inject` has overlaid; `pod` replaces fields of its pod spec.

    `image` is set after `inject`, which would refuse some images that doctor must recognize.
    """
    made = copy.deepcopy(_whole(path, version))
    for part in ("initContainers", "containers"):
        pod_of(made)[part][0]["image"] = image
    pod_of(made).update(pod)
    return made


@cache
def _whole(path, version):
    drain = {"preStop": {"exec": {"command": ["sh", "-c", "sleep 120"]}}}
    spec = {"containers": [{"name": "litellm", "image": IMAGE, "lifecycle": drain}]}
    item = workload({**spec, "terminationGracePeriodSeconds": 150})
    operator_values = values.load("", patch_version=version, module_path=path)
    return real.injected(item, payloads.planner(operator_values))


def workload(spec, kind="Deployment", name="litellm", **metadata):
    """Return an object with a pod template."""
    inner = {"replicas": 2, "selector": {"matchLabels": LABELS}} if kind != "Job" else {}
    template = {"metadata": {"labels": LABELS}, "spec": spec}
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": "llm", **metadata},
        "spec": {**inner, "template": template},
    }


def stock(image=IMAGE, **container):
    """Return a Deployment without the overlay."""
    return workload({"containers": [{"name": "litellm", "image": image, **container}]})


def pod_of(deployment):
    """Return a Deployment's pod spec."""
    return deployment["spec"]["template"]["spec"]


def proxy_of(deployment):
    """Return the first container of a Deployment."""
    return pod_of(deployment)["containers"][0]


def pod(message=None, *, waiting=False, images=("sha256:a", "sha256:a"), deployment=None):
    """Return a pod whose guard left `message`; with `waiting` it did so in its previous run."""
    text = message if isinstance(message, str) else json.dumps(message)
    status = real.state(text)
    init, proxy = status["initContainerStatuses"][0], status["containerStatuses"][0]
    init["imageID"], proxy["imageID"] = images
    if waiting:
        init["lastState"] = init["state"]
        init["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    return {
        "kind": "Pod",
        "metadata": {
            "name": "litellm-1",
            "namespace": "llm",
            "labels": LABELS,
            "ownerReferences": [{"kind": "ReplicaSet"}],
        },
        "spec": copy.deepcopy(pod_of(deployment or overlaid())),
        "status": status,
    }


def config_map(name, **metadata):
    """Return a payload's ConfigMap, with the overlay's labels."""
    labels = {"app.kubernetes.io/name": "litellm-overlay", "app.kubernetes.io/component": "payload"}
    return {
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "llm", "labels": labels, **metadata},
    }


def service(**annotations):
    """Return the proxy's Service."""
    return {
        "kind": "Service",
        "metadata": {"name": "litellm", "namespace": "llm", "annotations": annotations},
        "spec": {"selector": LABELS, "ports": [{"port": 4000}]},
    }


def ingress(class_=None, annotations=None, backend="litellm", **spec):
    """Return an Ingress, by default to the proxy's Service."""
    path = {"path": "/", "backend": {"service": {"name": backend}}}
    rules = [{"host": "llm.example.com", "http": {"paths": [path]}}]
    return {
        "kind": "Ingress",
        "metadata": {"name": "door", "namespace": "llm", "annotations": annotations or {}},
        "spec": {"ingressClassName": class_, "rules": rules, **spec},
    }


def custom(kind, name="litellm", **spec):
    """Return an object of any kind with a spec."""
    return {"kind": kind, "metadata": {"name": name, "namespace": "llm"}, "spec": spec}
