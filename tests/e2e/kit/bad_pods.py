"""Cheap workloads that fail: the guard is real, and the proxy's container runs a small stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from e2e.kit.stories import CONFINED, CONFINED_POD, deployment
from e2e.kit.verbs import overlay

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.kit.stories import Json, Namespace

INIT = "litellm-overlay"  # the name of our init container
# An HTTP server that answers 404 where LiteLLM would serve.
ANSWERING = ["python3", "-m", "http.server", "4000", "--protocol", "HTTP/1.1"]
# Accepts connections, prints "asked" once one sends something, and never answers.
SILENT = [
    "python3",
    "-c",
    """
import socket
server, kept = socket.create_server(("", 4000)), []
while True:
    kept.append(server.accept()[0])
    if kept[-1].recv(1):
        print("asked", flush=True)
""",
]
SMALL = {"requests": {"cpu": "1m", "memory": "16Mi"}}


def container(image: str, name: str = "litellm", command: list[str] = ANSWERING) -> Json:
    """Return a container that Pod Security "restricted" admits."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "securityContext": CONFINED,
        "resources": SMALL,
    }


def workload(name: str, *containers: Json, kind: str = "Deployment", replicas: int = 1) -> Json:
    """Return a workload whose pods end without a grace period."""
    pod = {**CONFINED_POD, "terminationGracePeriodSeconds": 0, "containers": [*containers]}
    made = {**deployment(name, {"app": name}, pod, replicas), "kind": kind}
    if kind == "StatefulSet":
        made["spec"]["serviceName"] = name
    if kind == "DaemonSet":
        del made["spec"]["replicas"]
    return made


def saying(item: Json, message: str) -> Json:
    """Make the overlay's init container leave `message` in place of the guard's report."""
    (init,) = item["spec"]["template"]["spec"]["initContainers"]
    script = '"$@" && printf %s "$MESSAGE" > /dev/termination-log'
    init["command"] = ["sh", "-c", script, "sh", *init["command"]]
    init["env"].append({"name": "MESSAGE", "value": message})
    return item


def with_init(item: Json, init: Json) -> Json:
    """Make `init` the only init container; return the workload."""
    item["spec"]["template"]["spec"]["initContainers"] = [init]
    return item


def overlaid(item: Json, folder: Path, *options: str) -> tuple[Json, list[Json]]:
    """Return a workload with the overlay, and the payloads' ConfigMaps."""
    values = folder / "values.yaml"
    values.write_text(yaml.safe_dump({"initResources": SMALL}))
    done = overlay("inject", "--values", values, *options, stdin=yaml.safe_dump(item))
    assert done.code == 0, done.err
    *payloads, made = yaml.safe_load_all(done.out)
    return made, payloads


def start_both(namespace: Namespace, folder: Path) -> None:
    """Run two overlaid Deployments: one answers, the other never does."""
    image = namespace.world.image("venv")
    for name, command in (("answering", ANSWERING), ("silent", SILENT)):
        made, payloads = overlaid(workload(name, container(image, command=command)), folder)
        namespace.apply(*payloads, made)
    for name in ("answering", "silent"):
        namespace.wait_for_rollout(name)


def waiting(namespace: Namespace, name: str) -> str:
    """Return the waiting reason of the init container in a workload's one pod, or "None"."""
    pod = namespace.pod(f"app={name}")
    (init,) = pod["status"].get("initContainerStatuses", [{}])
    return str(init.get("state", {}).get("waiting", {}).get("reason"))
