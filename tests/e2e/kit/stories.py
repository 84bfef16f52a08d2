"""What the stories on the cluster are told with: the chart, `kubectl`, `helm`, a door to the host.

Everything an operator would type goes through `kubectl` and `helm` as an operator would type it.

More than 300 lines, most of them the one `Namespace` that all stories speak to.
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
    """Return what `ready()` returns once that is true; fail after so many seconds."""
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
        """Return the reference of an image that the node has: see kind/litellm.py for names."""
        return self.bring(name, lambda: litellm.image(name, self.source))

    def bring(self, name: str, make: Callable[[], str]) -> str:
        """Return the same of any image; `make` has Docker get it, and returns its reference."""
        if name not in self.loaded:
            with self.phases(f"image {name}"):
                self.loaded[name] = make()
            with self.phases(f"image {name}, into the node"):
                self.cluster.load(self.loaded[name])
        return self.loaded[name]

    def start_provider(self, name: str = "provider", text: str = "") -> Namespace:
        """Run a mock provider, over TLS, in a namespace of its own; a running one is replaced.

        `text`, such as TRIGGERDROP, is what every user is taken to say.
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
        """Return what the mock provider has recorded so far; see mock_provider.py."""
        shown = self.cluster.kubectl(
            *("--namespace", "provider", "exec", "deployment/provider"),
            *("--", "cat", "/tmp/log.jsonl"),
        )
        return [json.loads(line) for line in shown.splitlines()]


class Namespace:
    """The namespace of one story, Pod Security "restricted" enforced; nobody else uses it."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.failed = False

    def create(self) -> None:
        """Make it."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"kind": "Namespace", "metadata": {"name": self.name, "labels": labels}})

    def prepare(self) -> None:
        """Make it, with the Secret and the authority that proxies of stories refer to.

        One of an earlier telling is waited for until it is gone, or taken away first.
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
        """Take it away, with all that is in it; with KEEP=1 the namespace of a failure stays.

        The others go all the same: a dozen of them fill a small node.
        """
        if self.failed and "KEEP" in os.environ:
            return
        self.world.cluster.kubectl("delete", "namespace", self.name, "--wait=false")

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Return what `kubectl` prints."""
        return self.world.cluster.kubectl("--namespace", self.name, *arguments, stdin=stdin)

    def get(self, *arguments: str) -> Json:
        """Return an object, or a list of them as {"items": …}."""
        found: Json = json.loads(self.kubectl("get", *arguments, "--output", "json"))
        return found

    def apply(self, *objects: Json) -> None:
        """Apply objects; those of the core group need no apiVersion."""
        text = yaml.safe_dump_all([{"apiVersion": "v1", **item} for item in objects])
        self.kubectl("apply", "--filename", "-", stdin=text)

    def helm(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Return what `helm` prints, on stderr too: there `helm test` shows its pod's log."""
        environ = {
            **os.environ,
            "KUBECONFIG": str(self.world.cluster.kubeconfig),
            "HELM_NAMESPACE": self.name,
        }
        return run(tools.path_of("helm"), *arguments, env=environ, stdin=stdin, errors_too=True)

    def install(self, values: Json, *, chart: Path = CHART, wait: bool = True) -> str:
        """Install or upgrade the release "litellm"; return what Helm says."""
        waiting = ("--wait", "--timeout", f"{SECONDS}s") if wait else ()
        return self.helm(
            *("upgrade", "--install", "litellm", chart, "--values", "-", *waiting),
            stdin=yaml.safe_dump(values),
        )

    def values(self, image: str, **more: Any) -> Json:
        """Return values for our chart: an image by its name, the mock provider, few resources."""
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
        """Wait until all pods of a Deployment are those of its newest template."""
        self.kubectl("rollout", "status", f"deployment/{deployment}", f"--timeout={SECONDS}s")

    def pods(self, selector: str = PROXY) -> list[Json]:
        """Return the pods that are there and are not about to go."""
        pods = self.get("pods", "--selector", selector)["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, selector: str = PROXY) -> Json:
        """Return the pod, once there is one and no other: Helm does not wait for the old ones' end."""
        (pod,) = until(lambda: len(pods := self.pods(selector)) == 1 and pods, "one pod")
        return dict(pod)

    def logs(self, container: str = "litellm", selector: str = PROXY) -> str:
        """Return what a container of all such pods has printed since it was started."""
        return self.kubectl("logs", "--selector", selector, "--container", container, "--tail=-1")

    @contextlib.contextmanager
    def log_into(self, file: Path, pod: Json) -> Iterator[None]:
        """Write what a pod's proxy prints to a file, while the block runs, until the pod is gone."""
        cluster = self.world.cluster
        told = ("--kubeconfig", cluster.kubeconfig, "--namespace", self.name)
        what = ("logs", "--follow", pod["metadata"]["name"], "--container", "litellm")
        command = (cluster.kubectl_path, *told, *what)
        with processes.run_logged(file, command, processes.environ_for({})):
            yield

    @contextlib.contextmanager
    def door(self, selector: str = PROXY, name: str = "proxy") -> Iterator[Door]:
        """Let the host reach the pods of a selector, until the block ends."""
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
        """Yield title and text of what one looks at when a story fails, in that order."""
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
    """Where the host reaches the pods."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}"

    def wait(self) -> None:
        """Wait until it leads to a pod: kube-proxy hears of a ready one up to a second later."""
        until(lambda: processes.is_alive(self.url), "the proxy through the node's port")


def decision(pod: Json) -> Json:
    """Return the guard's report, as `kubectl describe pod` shows it: the termination message."""
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
    """Return LiteLLM's configuration: one model, an alias and a managed provider, keys by reference."""
    config = processes.standard_config(f"https://{PROVIDER}:8443")
    for model in config["model_list"]:
        model["litellm_params"]["api_key"] = "os.environ/PROVIDER_KEY"
    config["general_settings"]["master_key"] = "os.environ/LITELLM_MASTER_KEY"
    # A provider's error that a story provokes must not bench the model.
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
    {"name": "LITELLM_LOCAL_MODEL_COST_MAP", "value": "True"},  # prices are not to be fetched
    {
        "name": "PROVIDER_KEY",
        "valueFrom": {"secretKeyRef": {"name": "litellm-keys", "key": "provider"}},
    },
]
