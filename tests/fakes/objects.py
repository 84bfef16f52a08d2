"""Kubernetes objects of one overlaid proxy that nothing is wrong with, to break in one way each."""

from __future__ import annotations

import json

IMAGE = "ghcr.io/berriai/litellm:v1.88.6"
PATH = "/app/.venv/lib/python3.13/site-packages/litellm/proxy/response_api_endpoints/endpoints.py"
LABELS = {"app": "litellm"}


def overlaid(image=IMAGE, path=PATH, version="2.0.0", **pod):
    """Return a Deployment with the overlay; `pod` overrules parts of the pod's spec."""
    plan = json.dumps({"modulePath": path, "patchVersion": version, "settings": {}})
    spec = {
        "terminationGracePeriodSeconds": 150,
        "initContainers": [
            {
                "name": "litellm-overlay",
                "image": image,
                "command": ["python3", "-S", "-s", "-m", "endpoint_patch"],
                "env": [{"name": "LITELLM_OVERLAY_PLAN", "value": plan}],
            }
        ],
        "containers": [
            {
                "name": "litellm",
                "image": image,
                "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "sleep 120"]}}},
                "volumeMounts": [
                    {"name": "litellm-overlay-output", "mountPath": path, "subPath": "endpoints.py"}
                ],
            }
        ],
        "volumes": [
            {"name": "litellm-overlay-payload", "configMap": {"name": "payload-2.0.0"}},
            {"name": "litellm-overlay-output", "emptyDir": {}},
        ],
    }
    return workload(spec | pod)


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
    """Return the pod's spec of a Deployment."""
    return deployment["spec"]["template"]["spec"]


def proxy_of(deployment):
    """Return the first container of a Deployment."""
    return pod_of(deployment)["containers"][0]


def pod(message=None, *, waiting=False, images=("sha256:a", "sha256:a"), deployment=None):
    """Return a pod whose guard said something; while it waits, in the run before."""
    ended = {
        "terminated": {"message": message if isinstance(message, str) else json.dumps(message)}
    }
    state = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended}
    guard = state if waiting else {"state": ended}
    return {
        "kind": "Pod",
        "metadata": {
            "name": "litellm-1",
            "namespace": "llm",
            "labels": LABELS,
            "ownerReferences": [{"kind": "ReplicaSet"}],
        },
        "spec": pod_of(deployment or overlaid()),
        "status": {
            "initContainerStatuses": [{"name": "litellm-overlay", "imageID": images[0], **guard}],
            "containerStatuses": [{"name": "litellm", "imageID": images[1]}],
        },
    }


def config_map(name, **metadata):
    """Return a ConfigMap of ours."""
    labels = {"app.kubernetes.io/name": "litellm-overlay", "app.kubernetes.io/component": "payload"}
    return {
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "llm", "labels": labels, **metadata},
    }


def service(**annotations):
    """Return the Service of the proxy."""
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
