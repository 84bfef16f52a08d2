"""Story 27: the commands in `--help`, README and docs/, typed as they are written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tools
from e2e.kit.foreign import chart_values
from e2e.kit.stories import MASTER_KEY, Namespace, decision, proxy_config
from litellm_overlay import cli
from support.helm import CHART

ROOT = Path(__file__).parents[2]
VERBS = ("status", "verify", "doctor", "pin", "check-upgrade")


def examples(verb):
    """Return the command lines of a verb's examples; a line that ends in a pipe is joined."""
    text = cli.root.get_command(None, verb).help
    (block,) = re.findall(r"Examples:\n(.*?)\n\n", text, re.DOTALL)
    return re.sub(r"\|\n +", "| ", block).strip().splitlines()


def page_lines():
    """Return the distinct command lines in README and docs/, without comments."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text() for page in pages)
    lines = re.findall(r"^ {4,}((?:litellm-overlay|docker run) .+)$", text, re.MULTILINE)
    return sorted({re.sub(r" {2,}#.*", "", line) for line in lines})  # docker makes endpoints.py


@pytest.fixture(scope="module")
def namespace(world):
    """Yield the namespace that the examples name."""
    namespace = Namespace(world, "llm")
    namespace.prepare()
    yield namespace
    namespace.delete()


def undrained(manifests):
    """Return the Deployment of the manifests, without preStop hook and grace period."""
    documents = yaml.safe_load_all(manifests)
    deployment = next(each for each in documents if each and each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    del pod["terminationGracePeriodSeconds"]
    for container in pod["containers"]:
        container.pop("lifecycle", None)
    return yaml.safe_dump(deployment)


@pytest.fixture(scope="module")
def as_typed(namespace):
    """Yield a function that puts this story's names into a line and makes `apply` a dry run."""
    with namespace.door() as door:
        pod = namespace.pod()
        report = decision(pod)
        names = {
            "http://localhost:4000": door.url,
            "https://llm.example.com": door.url,
            "--model NAME": "--model my-alias",
            "--key-file -": "--key-file - < key.txt",
            "IMAGE MODULE-PATH": f"{namespace.world.image('venv')} {report['modulePath']}",
            "kubectl apply": "kubectl apply --dry-run=server",
        }

        def as_typed(line):
            for told, here in names.items():
                line = line.replace(told, here)
            return line

        yield as_typed


@pytest.fixture(scope="module")
def shell(world, namespace, tmp_path_factory):
    """Return a function that runs a line in bash, in a folder with the files of the examples."""
    config = proxy_config()
    config["model_list"].append({**config["model_list"][0], "model_name": "my-alias"})
    values = namespace.values("venv", config=config)
    namespace.install(values)
    folder = tmp_path_factory.mktemp("operator")
    (folder / "charts").symlink_to(CHART.parent)
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    (folder / "manifests.yaml").write_text(namespace.helm("get", "manifest", "litellm"))
    (folder / "deployment.yaml").write_text(undrained((folder / "manifests.yaml").read_text()))
    (folder / "my-values.yaml").write_text(yaml.safe_dump(chart_values(world.image("venv"), "tpl")))
    (folder / "key.txt").write_text(f"{MASTER_KEY}\n")
    kubeconfig = yaml.safe_load(world.cluster.kubeconfig.read_text())
    (context,) = kubeconfig["contexts"]
    context["name"] = kubeconfig["current-context"] = "production"
    context["context"]["namespace"] = "llm"
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    programs = [Path(sys.executable).parent, tools.path_of("helm").parent, world.cluster.folder]
    environ = {
        **os.environ,
        "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "OPENAI_API_KEY": MASTER_KEY,
        "LITELLM_KEY": MASTER_KEY,
    }

    def run(line):
        if not shutil.which("jq"):  # jq is not under test
            line = line.partition(" | jq ")[0]
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("litellm-overlay pin --from-cluster").returncode == 0  # some lines read the lock
    return run


def test_a_plugin_of_kubectl(shell):
    """The command works as a plugin of kubectl."""
    done = shell("kubectl litellm-overlay status --output json")
    assert done.returncode == 0, done.stderr
    assert '"decision": "patched"' in done.stdout


@pytest.mark.parametrize("line", [line.strip() for verb in VERBS for line in examples(verb)])
def test_an_example(shell, line):
    """Each example exits with 0, or with 5 if it reads all namespaces or has --strict."""
    done = shell(line)
    assert done.returncode in ({0, 5} if re.search("-A|--strict", line) else {0}), done.stderr
    assert done.stdout or re.search("faults|findings", line)  # these print only what fails
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", page_lines())
def test_a_page(shell, as_typed, line):
    """Each line exits with 0, or with 5 if it reads all namespaces, and has some output."""
    done = shell(as_typed(line))
    assert done.returncode in ({0, 5} if "-A" in line else {0}), done.stderr
    assert done.stdout or ">" in line or done.stderr
    assert "Traceback" not in done.stderr
