"""Story 12: what disappears when the overlay is removed."""

from __future__ import annotations

import json

import pytest
import yaml
from websockets.exceptions import InvalidStatus

from e2e.kit.foreign import APP, CHART, INJECT, OVERLAY, PLAIN, chart_values
from e2e.kit.stories import MASTER_KEY, decision, proxy_config
from kind.steps import run
from pins import PINS
from support.client import connect

EVENTS = {"events", "events.events.k8s.io"}  # Kubernetes deletes events by itself
LINES = '{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}'


def everything(namespace):
    """Return "kind namespace/name" of all objects in the cluster."""
    kinds = namespace.kubectl("api-resources", "--verbs", "list", "--output", "name").split()
    wanted = ",".join(kind for kind in kinds if kind not in EVENTS)
    lines = namespace.kubectl("get", wanted, "--all-namespaces", "--output", f"jsonpath={LINES}")
    return set(lines.splitlines())


def overlays(namespace):
    """Return the overlay's objects in the namespace."""
    prefix = f"{namespace.name}/litellm-overlay"
    return {line for line in everything(namespace) if line.split()[1].startswith(prefix)}


def traces(pod):
    """Return a pod's annotations and spec fields that mention the overlay, without nodeName."""
    parts = {**pod["metadata"].get("annotations", {}), **pod["spec"], "nodeName": None}
    return {key: value for key, value in parts.items() if "litellm-overlay" in f"{key} {value}"}


def test_helm_uninstall_leaves_nothing_behind(namespace):
    """`helm uninstall` deletes every object that install, upgrade and `helm test` created."""
    before = everything(namespace)
    ingress = {"enabled": True, "hosts": [{"host": "llm.example.com"}]}
    namespace.install(namespace.values("venv", ingress=ingress))
    namespace.install(namespace.values("venv", ingress=ingress, patch={"version": "1.0.0"}))
    namespace.helm("test", "litellm")
    made = {line.split()[0] for line in everything(namespace) - before}
    assert made >= {
        *("ConfigMap", "Deployment", "Ingress", "Pod", "PodDisruptionBudget"),
        *("ReplicaSet", "Secret", "Service", "ServiceAccount"),
    }
    # With "foreground" Helm also waits for the pods.
    namespace.helm("uninstall", "litellm", "--wait", "--cascade", "foreground")
    assert everything(namespace) - before == set()


def test_an_upgrade_without_the_post_renderer_takes_the_overlay_out(namespace, world):
    """An upgrade without the post-renderer removes overlay and payloads; a rollback adds them."""
    values = {**chart_values(world.image("venv"), "old"), "migrationJob": {"enabled": False}}
    upgrade = ("upgrade", "--install", "litellm", CHART, "--values", "-", "--wait")
    namespace.helm(*upgrade, *INJECT, stdin=yaml.safe_dump(values))
    pod = namespace.pod(APP)
    assert decision(pod)["decision"] == "patched"
    payloads = overlays(namespace)
    assert payloads

    namespace.helm(*upgrade, stdin=yaml.safe_dump(values))
    namespace.wait_for_rollout()
    pod = namespace.pod(APP)
    assert not traces(pod)
    assert overlays(namespace) == set()

    namespace.helm("rollback", "litellm", "1", "--wait")
    namespace.wait_for_rollout()
    pod = namespace.pod(APP)
    assert decision(pod)["decision"] == "patched"
    assert overlays(namespace) == payloads
    namespace.helm("uninstall", "litellm", "--wait", "--cascade", "foreground")
    assert overlays(namespace) == set()


@pytest.fixture
def original(namespace, world):
    """Return an operator's manifests; apply the ConfigMap that they need."""
    config = {"config.yaml": json.dumps(proxy_config())}
    namespace.apply({"kind": "ConfigMap", "metadata": {"name": "litellm-config"}, "data": config})
    documents = [(PLAIN / name).read_text() for name in ("litellm.yaml", "migrations.yaml")]
    return "---\n".join(documents).replace(PINS["litellm-images"]["venv"], world.image("venv"))


async def test_remove_gives_the_original_back(namespace, original):
    """`inject --remove` restores the exact bytes, and the pods then refuse as stock does."""
    overlaid = run(OVERLAY, "inject", stdin=original)
    namespace.kubectl("apply", "--filename", "-", stdin=overlaid)
    namespace.wait_for_rollout()
    pod = namespace.pod(APP)
    assert decision(pod)["decision"] == "patched"

    restored = run(OVERLAY, "inject", "--remove", stdin=overlaid)
    assert restored == original
    namespace.kubectl("apply", "--filename", "-", stdin=restored)
    namespace.wait_for_rollout()
    pod = namespace.pod(APP)
    assert not traces(pod)
    with namespace.door(APP) as door, pytest.raises(InvalidStatus) as refusal:
        await connect(f"{door.ws_url}/v1/responses", MASTER_KEY)
    assert refusal.value.response.status_code == 403
    assert '"WebSocket /v1/responses" 403' in namespace.logs(selector=APP)

    # `kubectl apply` deletes nothing, so the payloads still exist.
    payloads = run(OVERLAY, "render", "--format", "payload")
    namespace.kubectl("delete", "--filename", "-", stdin=payloads)
    assert overlays(namespace) == set()
