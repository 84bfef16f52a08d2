"""A YAML stream of twelve workloads, LiteLLM and others, as in a fleet."""

from __future__ import annotations

import yaml

OFFICIAL = "ghcr.io/berriai/litellm"


def workload(name, image, kind="Deployment", *, container="app", more="", meta="", spec=""):
    """Return a workload as YAML text; `more` goes into its container, `meta` into its metadata."""
    api = {"DeploymentConfig": "apps.openshift.io/v1", "Job": "batch/v1"}.get(kind, "apps/v1")
    return (
        f"apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {name}\n{meta}spec:\n{spec}"
        f"  template:\n    spec:\n      containers:\n      - name: {container}\n"
        f"        image: {image}\n{more}"
    )


ROLE = "        env: [{name: LITELLM_JOB_ROLE, value: worker}]\n"
OWNED = (
    "  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: own-1, uid: u, "
    "controller: true}]\n"
)
KNATIVE = (
    "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: asia}\nspec:\n"
    f"  template:\n    spec:\n      containers:\n      - image: {OFFICIAL}:v1.86.2\n"
)
TWO = (
    workload("pair", f"{OFFICIAL}:v1.88.6", container="blue")
    + f"      - name: green\n        image: {OFFICIAL}:v1.88.6\n"
)
FLEET = {
    "Deployment/plain": workload("plain", f"{OFFICIAL}:v1.88.6"),
    "StatefulSet/old": workload("old", f"{OFFICIAL}-database:main-v1.82.3-stable", "StatefulSet"),
    "Deployment/ours": workload("ours", "registry.example.com/ai/lite-llm-gateway:v1.86.2-7"),
    "Deployment/cache": workload("cache", "valkey/valkey:9.1-alpine"),
    "StatefulSet/db": workload("db", "docker.io/library/postgres:17.5.1", "StatefulSet"),
    "Deployment/worker": workload("worker", f"{OFFICIAL}:v1.88.6", more=ROLE),
    "Job/migrate": workload("migrate", f"{OFFICIAL}:v1.88.6", "Job"),
    "Deployment/smoke": workload(
        "smoke", f"{OFFICIAL}:v1.88.6", meta="  annotations: {helm.sh/hook: test}\n"
    ),
    "Deployment/sync": workload(
        "sync", f"{OFFICIAL}:v1.88.6", meta="  annotations: {argocd.argoproj.io/hook: PreSync}\n"
    ),
    "Service/asia": KNATIVE,
    "ReplicaSet/own-1-a": workload("own-1-a", f"{OFFICIAL}:v1.88.6", "ReplicaSet", meta=OWNED),
    "Deployment/pair": TWO,
}
STREAM = "---\n".join(FLEET.values())


def patched(text):
    """Return {title: containers with the mount, and the mount's path}."""
    results = {}
    for item in yaml.safe_load_all(text):
        pod = item.get("spec", {}).get("template", {}).get("spec", {})
        inits = [each["name"] for each in pod.get("initContainers", [])]
        mounts = {
            each["name"]: mount["mountPath"]
            for each in pod.get("containers", [])
            for mount in each.get("volumeMounts", [])
            if mount["name"] == "litellm-overlay-output"
        }
        assert bool(mounts) == ("litellm-overlay" in inits)
        if mounts:
            results[f"{item['kind']}/{item['metadata']['name']}"] = mounts
    return results
