"""Tools for the stories on the cluster: the chart, `kubectl`, `helm`, a port on the host.

Whatever an operator would type goes through `kubectl` and `helm` in just that form.

More than 300 lines, most of them the one `Namespace` that all stories use.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme
import yaml

import tools
from kind import litellm
from kind.cluster import DOORS
from kind.steps import run
from litellm_overlay.errors import OverlayError
from litellm_overlay.local import processes
from support.helm import CHART

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kind.cluster import Cluster
    from kind.steps import Phases

Json = dict[str, Any]

MASTER_KEY = "sk-master-of-the-stories"
PROVIDER = "provider.provider.svc"
SECONDS = 180  # for anything to become ready; LiteLLM takes 7 s, or a minute on a busy machine
PROXY = "app.kubernetes.io/component=proxy"


def until(ready: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """Return the first true result of `ready()`; fail after this many seconds."""
    began = time.monotonic()
    while not (found := ready()):
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.5)
    return found


class World:
    """The cluster, the images in it and the mock provider."""

    def __init__(self, cluster: Cluster, source: str, phases: Phases) -> None:
        self.cluster = cluster
        self.source = source
        self.phases = phases
        self.loaded: dict[str, str] = {}
        self.ca = trustme.CA()

    def image(self, name: str) -> str:
        """Return the reference of an image, loaded into the node; see kind/litellm.py for names."""
        return self.bring(name, lambda: litellm.image(name, self.source))

    def bring(self, name: str, make: Callable[[], str]) -> str:
        """Return the reference of an image, loaded into the node; `make` gets it into Docker."""
        if name not in self.loaded:
            with self.phases(f"image {name}"):
                self.loaded[name] = make()
            with self.phases(f"image {name}, into the node"):
                self.cluster.load(self.loaded[name])
        return self.loaded[name]

    def start_provider(self, name: str = "provider", text: str = "") -> Namespace:
        """Run a mock provider over TLS in its own namespace, or replace a running one; return that.

        The provider takes `text`, such as TRIGGERDROP, for the text of every request.
        """
        provider = Namespace(self, name)
        provider.create()
        certificate = self.ca.issue_cert(f"provider.{name}.svc")
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        files = {
            "cert.pem": chain.decode(),
            "key.pem": certificate.private_key_pem.bytes().decode(),
        }
        script = Path(processes.__file__).with_name("mock_provider.py").read_text()
        if text:
            steered, main, rest = script.rpartition("\nif __name__")
            script = f"{steered}\nlast_user_text = lambda _: ({text!r}, False)\n{main}{rest}"
        pod = {
            **CONFINED_POD,
            "containers": [
                {
                    "name": "provider",
                    "image": self.image("venv"),
                    "command": ["python3", "/mock/mock_provider.py"],
                    "args": [
                        *("--host", "0.0.0.0", "--port", "8443", "--log", "/tmp/log.jsonl"),
                        *("--tls-cert", "/tls/cert.pem", "--tls-key", "/tls/key.pem"),
                    ],
                    "readinessProbe": {"tcpSocket": {"port": 8443}, "periodSeconds": 1},
                    "securityContext": CONFINED,
                    "volumeMounts": [
                        {"name": "mock", "mountPath": "/mock"},
                        {"name": "tls", "mountPath": "/tls"},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [
                {"name": "mock", "configMap": {"name": "mock"}},
                {"name": "tls", "secret": {"secretName": "tls"}},
                {"name": "tmp", "emptyDir": {}},
            ],
        }
        labels = {"app": "provider"}
        provider.apply(
            {
                "kind": "ConfigMap",
                "metadata": {"name": "mock"},
                "data": {"mock_provider.py": script},
            },
            {"kind": "Secret", "metadata": {"name": "tls"}, "stringData": files},
            deployment("provider", labels, pod),
            {
                "kind": "Service",
                "metadata": {"name": "provider"},
                "spec": {"selector": labels, "ports": [{"port": 8443}]},
            },
        )
        provider.kubectl("rollout", "restart", "deployment/provider")
        provider.wait_for_rollout("provider")
        return provider

    def provider_log(self) -> list[Json]:
        """Return the records of the mock provider so far; see mock_provider.py."""
        shown = self.cluster.kubectl(
            *("--namespace", "provider", "exec", "deployment/provider"),
            *("--", "cat", "/tmp/log.jsonl"),
        )
        return [json.loads(line) for line in shown.splitlines()]


class Namespace:
    """One story's own namespace, which enforces Pod Security "restricted"."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.failed = False

    def create(self) -> None:
        """Create the namespace."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"kind": "Namespace", "metadata": {"name": self.name, "labels": labels}})

    def prepare(self) -> None:
        """Create the namespace, with the Secret and the CA certificate of the stories' proxies.

        One left from an earlier run is deleted first.
        """
        self.world.cluster.kubectl("delete", "namespace", self.name, "--ignore-not-found")
        self.create()
        keys = {"master-key": MASTER_KEY, "provider": "sk-mock-provider"}
        authority = self.world.ca.cert_pem.bytes().decode()
        self.apply(
            {"kind": "Secret", "metadata": {"name": "litellm-keys"}, "stringData": keys},
            {"kind": "ConfigMap", "metadata": {"name": "authority"}, "data": {"ca.pem": authority}},
        )

    def delete(self) -> None:
        """Delete the namespace and all that is in it, without waiting.

        With KEEP=1 the namespace of a failed story stays. Others go even then, since a dozen of
        them fill a small node.
        """
        if self.failed and "KEEP" in os.environ:
            return
        self.world.cluster.kubectl("delete", "namespace", self.name, "--wait=false")

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run `kubectl` in the namespace; return its output."""
        return self.world.cluster.kubectl("--namespace", self.name, *arguments, stdin=stdin)

    def get(self, *arguments: str) -> Json:
        """Return an object, or a list of objects as {"items": …}."""
        found: Json = json.loads(self.kubectl("get", *arguments, "--output", "json"))
        return found

    def apply(self, *objects: Json) -> None:
        """Apply objects; `apiVersion` is v1 where it is missing."""
        text = yaml.safe_dump_all([{"apiVersion": "v1", **item} for item in objects])
        self.kubectl("apply", "--filename", "-", stdin=text)

    def helm(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run `helm`; return stdout and stderr, where `helm test` prints its pod's log."""
        environ = {
            **os.environ,
            "KUBECONFIG": str(self.world.cluster.kubeconfig),
            "HELM_NAMESPACE": self.name,
        }
        return run(tools.path_of("helm"), *arguments, env=environ, stdin=stdin, errors_too=True)

    def install(self, values: Json, *, chart: Path = CHART, wait: bool = True) -> str:
        """Install or upgrade the release "litellm"; return Helm's output."""
        waiting = ("--wait", "--timeout", f"{SECONDS}s") if wait else ()
        return self.helm(
            *("upgrade", "--install", "litellm", chart, "--values", "-", *waiting),
            stdin=yaml.safe_dump(values),
        )

    def values(self, image: str, **more: Any) -> Json:
        """Return values of our chart: an image by its name, the mock provider, few resources."""
        repository, _, tag = self.world.image(image).rpartition(":")
        return {
            "image": {"repository": repository, "tag": tag},
            "masterKey": {"secretName": "litellm-keys"},
            "config": proxy_config(),
            "env": PROXY_ENV,
            "extraVolumes": [{"name": "authority", "configMap": {"name": "authority"}}],
            "extraVolumeMounts": [{"name": "authority", "mountPath": "/authority"}],
            "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}},
            **more,
        }

    def wait_for_rollout(self, deployment: str = "litellm") -> None:
        """Wait until all pods of a Deployment come from its newest template."""
        self.kubectl("rollout", "status", f"deployment/{deployment}", f"--timeout={SECONDS}s")

    def pods(self, selector: str = PROXY) -> list[Json]:
        """Return the pods that are not being deleted."""
        pods = self.get("pods", "--selector", selector)["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, selector: str = PROXY) -> Json:
        """Return the pod once there is exactly one; Helm does not wait for old pods to end."""
        (pod,) = until(lambda: len(pods := self.pods(selector)) == 1 and pods, "one pod")
        return dict(pod)

    def logs(self, container: str = "litellm", selector: str = PROXY) -> str:
        """Return the logs of a container, of all pods of the selector."""
        return self.kubectl("logs", "--selector", selector, "--container", container, "--tail=-1")

    @contextlib.contextmanager
    def log_into(self, file: Path, pod: Json) -> Iterator[None]:
        """Write the log of a pod's proxy to a file until the block ends or the pod is gone."""
        cluster = self.world.cluster
        told = ("--kubeconfig", cluster.kubeconfig, "--namespace", self.name)
        what = ("logs", "--follow", pod["metadata"]["name"], "--container", "litellm")
        command = (cluster.kubectl_path, *told, *what)
        with processes.run_logged(file, command, processes.environ_for({})):
            yield

    @contextlib.contextmanager
    def door(self, selector: str = PROXY, name: str = "proxy") -> Iterator[Door]:
        """Expose the pods of a selector on a port of the host until the block ends."""
        labels = dict(item.split("=") for item in selector.split(","))
        ports = [{"port": 4000, "nodePort": DOORS[name]}]
        spec = {"type": "NodePort", "selector": labels, "ports": ports}
        self.apply({"kind": "Service", "metadata": {"name": f"door-{name}"}, "spec": spec})
        try:
            door = Door(self.world.cluster.ports[name])
            door.wait()
            yield door
        finally:
            self.kubectl("delete", "service", f"door-{name}")

    def diagnosis(self) -> Iterator[tuple[str, str]]:
        """Yield (title, text) of what helps to explain a failed story, in reading order."""
        commands = {
            "events": ("get", "events", "--sort-by=.lastTimestamp"),
            "describe": ("describe", "pods"),
        }
        for title, command in commands.items():
            with contextlib.suppress(OverlayError):
                yield f"{self.name}: {title}", self.kubectl(*command)
        for container in ("litellm-overlay", "litellm"):
            for pod in self.get("pods")["items"]:
                names = [item["name"] for part in ("initContainers", "containers")
                         for item in pod["spec"].get(part, [])]  # fmt: skip
                if container in names:
                    name = pod["metadata"]["name"]
                    with contextlib.suppress(OverlayError):
                        log = self.kubectl("logs", name, "--container", container, "--tail=200")
                        yield f"{self.name}: log of {container} in {name}", log


class Door:
    """The URLs at which the host reaches the pods."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}"

    def wait(self) -> None:
        """Wait until the port leads to a pod: kube-proxy takes up to a second to update."""
        until(lambda: processes.is_alive(self.url), "the proxy through the node's port")


def decision(pod: Json) -> Json:
    """Return the guard's report, which is the termination message."""
    statuses = pod["status"].get("initContainerStatuses", [])
    status = next(item for item in statuses if item["name"] == "litellm-overlay")
    ended = status["state"].get("terminated") or status["lastState"]["terminated"]
    report: Json = json.loads(ended["message"])
    return report


def deployment(name: str, labels: dict[str, str], pod: Json, replicas: int = 1) -> Json:
    """Return a Deployment."""
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def proxy_config() -> Json:
    """Return LiteLLM's configuration for the mock provider; keys come from the environment."""
    config = processes.standard_config(f"https://{PROVIDER}:8443")
    for model in config["model_list"]:
        model["litellm_params"]["api_key"] = "os.environ/PROVIDER_KEY"
    config["general_settings"]["master_key"] = "os.environ/LITELLM_MASTER_KEY"
    # An error that a story provokes must not put a model into cooldown.
    config["router_settings"] = {"disable_cooldowns": True, "num_retries": 0}
    return config


CONFINED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
CONFINED_POD = {
    "automountServiceAccountToken": False,
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "runAsGroup": 65534,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
PROXY_ENV = [
    {"name": "SSL_CERT_FILE", "value": "/authority/ca.pem"},
    {"name": "LITELLM_LOCAL_MODEL_COST_MAP", "value": "True"},  # do not download prices
    {
        "name": "PROVIDER_KEY",
        "valueFrom": {"secretKeyRef": {"name": "litellm-keys", "key": "provider"}},
    },
]
