"""A shell of an operator whose proxy does not work, with docs/troubleshooting.md."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

import tools
from e2e.kit.foreign import APP, PLAIN
from e2e.kit.stories import MASTER_KEY, proxy_config, until
from litellm_overlay.local import processes
from support import troubleshooting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.kit.stories import Json, Namespace

DOCTOR, PROBE, DESCRIBE = troubleshooting.COMMANDS
WORKS = "Codex works over WebSocket here"  # what probe prints then
APPLY = "kubectl apply --namespace llm --filename"
# A finding as doctor prints it: severity, what, [topic], why, and a fix of one or more lines.
_FINDING = re.compile(
    r"^  (?:error|warning|note)  (?P<what>.*)  \[(?P<topic>[a-z0-9-]+)\]\n"
    r"    why: .*\n"
    r"    fix: (?P<fix>.*(?:\n {9}.*)*)",
    re.MULTILINE,
)
# A callback that prints a line to the proxy's log for each call that LiteLLM accounts for.
SPEND = """
import json
from litellm.integrations.custom_logger import CustomLogger

class Handler(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        payload = kwargs.get("standard_logging_object") or {}
        spent = {name: payload.get(name) for name in ("total_tokens", "response_cost")}
        print("SPENT " + json.dumps(spent), flush=True)

handler = Handler()
"""


class Finding(NamedTuple):
    """One finding of doctor, as printed."""

    what: str
    topic: str
    fix: str


class FirstAid:
    """A shell that keeps all output, to compare it with the page's table."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self.folder = folder
        self.printed = ""
        cluster = namespace.world.cluster
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        config["contexts"][0]["context"]["namespace"] = namespace.name
        (folder / "kubeconfig").write_text(yaml.safe_dump(config))
        helm = tools.path_of("helm").parent
        path = (Path(sys.executable).parent, cluster.folder, helm, os.environ["PATH"])
        self.environ = {
            **os.environ,
            "KUBECONFIG": str(folder / "kubeconfig"),
            "PATH": os.pathsep.join(map(str, path)),
        }

    def sh(self, line: str, codes: tuple[int, ...] = (0,), **environ: str) -> str:
        """Run a command line in the story's namespace; return stdout and stderr.

        "--namespace llm" is replaced by the story's namespace. Fails on another exit code than
        those of `codes`, a traceback, or a printed key.
        """
        line = line.replace("--namespace llm", f"--namespace {self.namespace.name}")
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode in codes, f"{line}\n{done.stdout}"
        assert "Traceback" not in done.stdout
        assert MASTER_KEY not in done.stdout
        self.printed += done.stdout
        return done.stdout

    @contextlib.contextmanager
    def row(self, symptom: str) -> Iterator[None]:
        """Require that the block prints everything that a row quotes, and each topic in it."""
        row, before = troubleshooting.ROWS[symptom], len(self.printed)
        yield
        said = self.printed[before:]
        assert {
            word
            for word in troubleshooting.quotes(row) | troubleshooting.topics(row)
            if word not in said
        } == set()

    def findings(self) -> list[Finding]:
        """Return doctor's findings in the namespace."""
        found = _FINDING.finditer(self.sh(DOCTOR, codes=(0, 1, 5)))
        return [
            Finding(each["what"], each["topic"], each["fix"].replace("\n" + " " * 9, "\n"))
            for each in found
        ]

    def finding(self, topic: str, about: str = "") -> Finding:
        """Wait for a finding of a topic whose sentence contains `about`; return it."""
        found: Finding = until(
            lambda: next(
                (it for it in self.findings() if it.topic == topic and about in it.what), None
            ),
            f"doctor's {topic}",
        )
        return found

    def assert_fixed(self, *topics: str) -> None:
        """Wait until doctor has no finding of these topics."""
        until(
            lambda: not {it.topic for it in self.findings()} & set(topics), f"{topics} to be gone"
        )

    @contextlib.contextmanager
    def port_forward(self, target: str = "deployment/litellm") -> Iterator[str]:
        """Yield the URL of a port-forward to a pod, past everything in front of the proxy."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        argv = (self.namespace.world.cluster.kubectl_path, "port-forward", target, ":4000")
        with processes.running(argv, self.environ, self.folder, **streams) as process:
            assert process.stdout
            line = process.stdout.readline().decode()
            port = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert port, line
            yield f"http://127.0.0.1:{port[1]}"

    def probe(self, model: str = "gpt-5.4", key: str = MASTER_KEY, options: str = "") -> str:
        """Return probe's output for a ready pod."""
        with self.port_forward() as url:
            line = PROBE.replace("https://llm.example.com", url).replace("NAME", model)
            return self.sh(f"{line} {options}", codes=(0, 5), LITELLM_KEY=key)

    def plain(self) -> Json:
        """Return a Deployment without the overlay; apply its ConfigMap and Service."""
        config = proxy_config()
        config["litellm_settings"] = {"callbacks": ["spend.handler"]}
        other = next(it for it in config["model_list"] if it["model_name"] == "gpt-4o")
        other["litellm_params"]["api_base"] = "https://provider.drops.svc:8443/v1"
        data = {"config.yaml": yaml.safe_dump(config), "spend.py": SPEND}
        ports = [{"port": 4000}]
        self.namespace.apply(
            {"kind": "ConfigMap", "metadata": {"name": "litellm-config"}, "data": data},
            {
                "kind": "Service",
                "metadata": {"name": "litellm"},
                "spec": {"selector": {"app": "litellm"}, "ports": ports},
            },
        )
        deployment: Json = yaml.safe_load((PLAIN / "litellm.yaml").read_text())
        proxy_of(deployment)["image"] = self.namespace.world.image("venv")
        return deployment

    def deploy(self, options: str = "", **edits: Callable[[Json], Any]) -> None:
        """Apply the Deployment with the overlay; see `overlay` for the arguments."""
        self.overlay(options, **edits)
        self.sh(f"{APPLY} overlaid.yaml")

    def overlay(
        self,
        options: str = "",
        before: Callable[[Json], Any] = bool,
        after: Callable[[Json], Any] = bool,
    ) -> None:
        """Write overlaid.yaml; `before` edits the Deployment before inject, `after` afterwards."""
        deployment = self.plain()
        before(deployment)
        (self.folder / "manifests.yaml").write_text(yaml.safe_dump(deployment))
        overlaid = self.folder / "overlaid.yaml"
        self.sh(f"litellm-overlay inject {options} < manifests.yaml > {overlaid.name}")
        objects = list(yaml.safe_load_all(overlaid.read_text()))
        after(next(item for item in objects if item["kind"] == "Deployment"))
        overlaid.write_text(yaml.safe_dump_all(objects))

    def settle(self) -> None:
        """Wait until a pod of the newest template is ready, and no other pod is."""
        self.namespace.wait_for_rollout()

        def alone() -> bool:
            pods = self.namespace.get("pods", "--selector", APP)["items"]
            conditions = [it for pod in pods for it in pod["status"].get("conditions", [])]
            ready = [it for it in conditions if (it["type"], it["status"]) == ("Ready", "True")]
            return len(ready) == 1

        until(alone, "one ready pod")

    def started(self) -> str:
        """Wait until the proxy of the newest pod runs; return the pod's name."""

        def running() -> str | None:
            pods = [it for it in self.namespace.pods(APP) if it["status"]["phase"] != "Failed"]
            pod = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
            (proxy,) = pod["status"].get("containerStatuses", [{}])
            return pod["metadata"]["name"] if "running" in proxy.get("state", {}) else None

        return str(until(running, "the proxy's container to run"))

    def shown(self, status: str) -> None:
        """Wait until `kubectl get pods` shows a status."""
        until(lambda: status in self.sh("kubectl get pods"), status)


def pod_of(deployment: Json) -> Json:
    """Return a Deployment's pod spec."""
    spec: Json = deployment["spec"]["template"]["spec"]
    return spec


def proxy_of(deployment: Json) -> Json:
    """Return the proxy's container."""
    proxy: Json = pod_of(deployment)["containers"][0]
    return proxy
