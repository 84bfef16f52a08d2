"""Story 27: the examples in `--help` of the verbs that see and prove, typed as they stand there."""

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
from fakes.helm import CHART
from fakes.stories import MASTER_KEY, Namespace, proxy_config
from litellm_overlay import cli

VERBS = ("status", "verify", "doctor", "pin", "check-upgrade")


def examples(verb):
    """Return the command lines of a verb's examples; one may go on in the next line."""
    text = cli.root.get_command(None, verb).help
    (block,) = re.findall(r"Examples:\n(.*?)\n\n", text, re.DOTALL)
    return re.sub(r"\|\n +", "| ", block).strip().splitlines()


@pytest.fixture(scope="module")
def shell(world, tmp_path_factory):
    """Return what runs a line in bash, where all is that the examples speak of."""
    namespace = Namespace(world, "llm")
    namespace.prepare()
    config = proxy_config()
    config["model_list"].append({**config["model_list"][0], "model_name": "my-alias"})
    values = namespace.values("venv", config=config)
    namespace.install(values)
    folder = tmp_path_factory.mktemp("operator")
    (folder / "charts").symlink_to(CHART.parent)
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    (folder / "manifests.yaml").write_text(namespace.helm("get", "manifest", "litellm"))
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
        if not shutil.which("jq"):  # whose part is not what is looked at here
            line = line.partition(" | jq ")[0]
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("litellm-overlay pin --from-cluster").returncode == 0  # some read the lock
    yield run
    if "KEEP" not in os.environ:
        namespace.delete()


@pytest.mark.parametrize("line", [line.strip() for verb in VERBS for line in examples(verb)])
def test_an_example(shell, line):
    """Exit code 0, or 5 where it looks at other stories' namespaces too, or takes notes for errors."""
    done = shell(line)
    assert done.returncode in ({0, 5} if re.search("-A|--strict", line) else {0}), done.stderr
    assert done.stdout or re.search("faults|findings", line)  # these show what does not work
    assert "Traceback" not in done.stderr
