"""Workloads as `inject` renders them, and their pods as a kubelet reports them."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import yaml

from litellm_overlay.catalogue import releases
from litellm_overlay.overlay import inject, values
from litellm_overlay.overlay.plan import Planner

CATALOGUE = releases.load()
IMAGE = "ghcr.io/berriai/litellm:v1.88.6"
HASH = "5d4f8c7b9"
IMAGE_ID = "ghcr.io/berriai/litellm@sha256:" + "a" * 64

Object = dict[str, Any]


def workload(
    name: str = "proxy",
    kind: str = "Deployment",
    image: str = IMAGE,
    *,
    patch: str | None = None,
    replicas: int = 2,
    **pod: Any,
) -> Object:
    """Return a workload, overlaid with the version `patch` if given; `pod` extends its pod spec."""
    containers = [{"name": "litellm", "image": image, "env": [], "volumeMounts": []}]
    labels = {"app": name}
    made = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "llm"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": containers, **pod},
            },
        },
    }
    return overlaid(made, patch) if patch else made


def overlaid(item: Object, patch: str = "2.0.0", **options: object) -> Object:
    """Return a workload that `inject` has overlaid; `options` are values of the overlay."""
    return injected(item, _planner(patch, **options))


def injected(item: Object, planner: Planner) -> Object:
    """Return the object that `inject` renders from `item`, without the ConfigMaps."""
    made = yaml.safe_load_all(inject.inject(yaml.safe_dump(item), planner).text)
    result: Object = next(each for each in made if each["kind"] == item["kind"])
    return result


@cache
def _planner(patch: str, **options: object) -> Planner:
    return Planner.from_values(values.load("", patch_version=patch, **options))


def report(decision: str = "patched", **more: Any) -> Object:
    """Return a guard's report, with the fields that `status` reads."""
    return {
        "decision": decision,
        "exitCode": 12 if decision == "refused" else 0,
        "message": "It is unknown." if decision == "refused" else "Done.",
        "hint": None,
        "patchVersion": "2.0.0",
        "litellmVersion": "1.88.6",
        "patchedSha256": "c" * 64,
        **more,
    }


def pod(item: Object, number: int = 0, said: Object | str | None = None, **status: Any) -> Object:
    """Return a running pod of a workload.

    `said` is the termination message: the guard's report, another text, or None for no message.
    `status` replaces fields of the pod's status.
    """
    template = copy.deepcopy(item["spec"]["template"])
    name, kind = item["metadata"]["name"], item["kind"]
    owner = {"kind": kind, "name": name, "controller": True}
    labels = dict(template["metadata"].get("labels") or {})
    if kind == "Deployment":
        owner = {**owner, "kind": "ReplicaSet", "name": f"{name}-{HASH}"}
        labels["pod-template-hash"] = HASH
    metadata = {
        **template["metadata"],
        "name": f"{name}-{number}",
        "namespace": item["metadata"]["namespace"],
        "labels": labels,
        "ownerReferences": [owner],
    }
    return {"metadata": metadata, "spec": template["spec"], "status": state(said) | status}


def state(said: Object | str | None = None, exit_code: int = 0, image: str = IMAGE_ID) -> Object:
    """Return the status of a running pod whose guard has ended with this exit code and message."""
    ended: Object = {"exitCode": exit_code, "reason": "Completed"}
    if said is not None:
        ended["message"] = said if isinstance(said, str) else json.dumps(said)
    init = {"name": "litellm-overlay", "imageID": image, "state": {"terminated": ended}}
    return {
        "phase": "Running",
        "initContainerStatuses": [init],
        "containerStatuses": [
            {"name": "litellm", "imageID": image, "state": {"running": {}}, "ready": True}
        ],
    }


def crashing(said: Object) -> Object:
    """Return the status of a pod in back-off after the guard's refusal `said`."""
    ended = {"exitCode": said["exitCode"], "message": json.dumps(said)}
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 20s restarting failed container"}
    init = {
        "name": "litellm-overlay",
        "imageID": IMAGE_ID,
        "state": {"waiting": waiting},
        "lastState": {"terminated": ended},
    }
    proxy = {"name": "litellm", "state": {"waiting": {"reason": "PodInitializing"}}}
    return {"phase": "Pending", "initContainerStatuses": [init], "containerStatuses": [proxy]}
