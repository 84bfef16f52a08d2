"""Create a kind cluster, load images into it, and delete it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import tools
from kind import docker
from kind.steps import run
from litellm_overlay.errors import OverlayError
from litellm_overlay.local.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

DOORS = {"proxy": 30400, "provider": 30401}  # node ports that the host can reach
READY_SECONDS = 180
CTR = ("ctr", "--namespace", "k8s.io")  # containerd's own client, in the kubelet's namespace


class Cluster:
    """A kind cluster of this name; its files are in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.ports_file = folder / "ports.json"
        self.kubectl_path = folder / "kubectl"

    @property
    def node(self) -> str:
        """Return the name of the node, which is a container."""
        return f"{self.name}-control-plane"

    @property
    def ports(self) -> dict[str, int]:
        """Return the port on 127.0.0.1 for each name in DOORS."""
        return dict(json.loads(self.ports_file.read_text()))

    def exists(self) -> bool:
        """Tell whether the cluster exists, running or not, with the files to reach it."""
        files = (self.kubeconfig, self.ports_file, self.kubectl_path)
        return self.name in self.kind("get", "clusters").split() and all(map(Path.exists, files))

    def create(self, node_image: str | None) -> None:
        """Create the cluster, and wait until it can run pods; None means kind's own image."""
        ports = {name: free_port() for name in DOORS}
        config = yaml.safe_dump(configuration(ports, built=node_image is not None))
        options = ["--image", node_image] if node_image else []
        self.kind("create", "cluster", "--config", "-", "--wait", "3m", *options, stdin=config)
        run("docker", "cp", f"{self.node}:/usr/bin/kubectl", self.kubectl_path)
        self.ports_file.write_text(json.dumps(ports))
        if not self.becomes_ready():
            raise OverlayError(f"the cluster is not ready after {READY_SECONDS} s")

    def becomes_ready(self) -> bool:
        """Wait until the cluster can run pods; return False after READY_SECONDS."""
        began = time.monotonic()
        while time.monotonic() - began < READY_SECONDS:
            with contextlib.suppress(OverlayError):  # as long as the API server does not answer
                if self.is_ready():
                    return True
            time.sleep(0.5)
        return False

    def is_ready(self) -> bool:
        """Tell whether API server, kubelet, DNS and the default service account are ready.

        Raises OverlayError while one of them does not answer.
        """
        self.kubectl("get", "--raw", f"/api/v1/nodes/{self.node}/proxy/healthz")
        self.kubectl("get", "serviceaccount", "default")
        node_started = run("docker", "inspect", "--format", "{{.State.StartedAt}}", self.node)
        listed = self.kubectl("--namespace", "kube-system", "get", "pods", "--output", "json")
        return run_since(node_started, json.loads(listed)["items"])

    def delete(self) -> None:
        """Delete the cluster, in whatever state it is."""
        self.kind("delete", "cluster")

    def load(self, *images: str) -> None:
        """Load images from Docker into the node, unless it has them."""
        there = set(self.on_node(*CTR, "images", "list", "-q").split())
        missing = [image for image in images if docker.id_of(image) not in there]
        if missing:
            self.kind("load", "docker-image", *missing)

    def on_node(self, *command: str) -> str:
        """Run a command on the node, and return its stdout."""
        return run("docker", "exec", self.node, *command)

    def kind(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kind for this cluster, and return its stdout."""
        name = [] if arguments[:1] == ("get",) else ["--name", self.name]
        environ = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        return run(tools.path_of("kind"), *arguments, *name, env=environ, stdin=stdin)

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run the node's version of kubectl, and return its stdout."""
        return run(self.kubectl_path, "--kubeconfig", self.kubeconfig, *arguments, stdin=stdin)


def run_since(node_started: str, pods: list[dict[str, Any]]) -> bool:
    """Tell whether there are pods, with all containers ready and none older than the node.

    After a restart of the node the API shows the old state until the kubelet updates it. Times have
    the form of Docker and Kubernetes, "2026-11-26T18:56:41…Z".
    """
    to_the_second = len("2026-11-26T18:56:41")
    containers = [each for pod in pods for each in pod["status"].get("containerStatuses", [{}])]
    return bool(containers) and all(
        each.get("ready")
        and each["state"]["running"]["startedAt"][:to_the_second] >= node_started[:to_the_second]
        for each in containers
    )


def configuration(ports: dict[str, int], *, built: bool) -> dict[str, Any]:
    """Return kind's Cluster object; `built` says that kind/node.py built the node image."""
    mappings = [
        {"containerPort": inner, "hostPort": ports[name], "listenAddress": "127.0.0.1"}
        for name, inner in DOORS.items()
    ]
    node: dict[str, Any] = {"role": "control-plane", "extraPortMappings": mappings}
    config: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [node],
    }
    if built:
        config["networking"] = {"disableDefaultCNI": True}  # the image brings its own
        # From 1.35 on the kubelet refuses cgroup v1 by default.
        kubelet = {"kind": "KubeletConfiguration", "failCgroupV1": False}
        node["kubeadmConfigPatches"] = [yaml.safe_dump(kubelet)]
    if sys.platform == "linux" and not docker.may_raise_limits():
        section = 'plugins."io.containerd.grpc.v1.cri"'  # lowering a score takes CAP_SYS_RESOURCE
        config["containerdConfigPatches"] = [f"[{section}]\n  restrict_oom_score_adj = true\n"]
    return config


@contextlib.contextmanager
def running(name: str, folder: Path, node_image: str | None, *, keep: bool) -> Iterator[Cluster]:
    """Yield a new cluster, and delete it at the end; with `keep`, reuse a kept one and keep it.

    A kept cluster that does not become ready, after a restart of Docker perhaps, is replaced.
    """
    cluster = Cluster(name, folder)
    try:
        if not (keep and cluster.exists() and cluster.becomes_ready()):
            cluster.delete()
            cluster.create(node_image)
        yield cluster
    finally:
        if not keep:
            cluster.delete()
