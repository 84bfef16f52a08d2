"""A kind cluster: made, filled with images, and deleted again."""

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
    """A cluster by its name; its files are in `folder`."""

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
        """Return the port on 127.0.0.1 of each door."""
        return dict(json.loads(self.ports_file.read_text()))

    def exists(self) -> bool:
        """Tell whether the cluster runs, with the files that tell how to reach it."""
        files = (self.kubeconfig, self.ports_file, self.kubectl_path)
        return self.name in self.kind("get", "clusters").split() and all(map(Path.exists, files))

    def create(self, node_image: str | None) -> None:
        """Make it and wait until it can run pods; `node_image` None is kind's own."""
        ports = {name: free_port() for name in DOORS}
        config = yaml.safe_dump(configuration(ports, built=node_image is not None))
        options = ["--image", node_image] if node_image else []
        self.kind("create", "cluster", "--config", "-", "--wait", "3m", *options, stdin=config)
        run("docker", "cp", f"{self.node}:/usr/bin/kubectl", self.kubectl_path)
        self.ports_file.write_text(json.dumps(ports))
        self.kubectl("--namespace", "kube-system", "rollout", "status", "deployment/coredns",
                     f"--timeout={READY_SECONDS}s")  # fmt: skip
        began = time.monotonic()
        while "default" not in self.kubectl("get", "serviceaccounts", "--output", "name"):
            if time.monotonic() - began > READY_SECONDS:
                raise OverlayError("the cluster has no default service account")
            time.sleep(0.5)

    def delete(self) -> None:
        """Take it away, whatever state it is in."""
        self.kind("delete", "cluster")

    def load(self, *images: str) -> None:
        """Bring images from Docker to the node, unless it has them."""
        there = set(self.on_node(*CTR, "images", "list", "-q").split())
        missing = [image for image in images if docker.id_of(image) not in there]
        if missing:
            self.kind("load", "docker-image", *missing)

    def on_node(self, *command: str) -> str:
        """Return what a command prints on the node."""
        return run("docker", "exec", self.node, *command)

    def kind(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what kind prints."""
        name = [] if arguments[:1] == ("get",) else ["--name", self.name]
        environ = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        return run(tools.path_of("kind"), *arguments, *name, env=environ, stdin=stdin)

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Return what the node's own kubectl prints."""
        return run(self.kubectl_path, "--kubeconfig", self.kubeconfig, *arguments, stdin=stdin)


def configuration(ports: dict[str, int], *, built: bool) -> dict[str, Any]:
    """Return the Cluster object for kind; `built`: the node image is that of kind/node.py."""
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
        # From 1.35 on the kubelet refuses cgroup v1 unless told so.
        kubelet = {"kind": "KubeletConfiguration", "failCgroupV1": False}
        node["kubeadmConfigPatches"] = [yaml.safe_dump(kubelet)]
    if sys.platform == "linux" and not docker.may_raise_limits():
        section = 'plugins."io.containerd.grpc.v1.cri"'  # lowering a score takes CAP_SYS_RESOURCE
        config["containerdConfigPatches"] = [f"[{section}]\n  restrict_oom_score_adj = true\n"]
    return config


@contextlib.contextmanager
def running(name: str, folder: Path, node_image: str | None, *, keep: bool) -> Iterator[Cluster]:
    """Have a cluster: the one of that name, or a new one; it goes in the end, unless `keep`."""
    cluster = Cluster(name, folder)
    try:
        if not cluster.exists():
            cluster.delete()
            cluster.create(node_image)
        yield cluster
    finally:
        if not keep:
            cluster.delete()
