"""The ways into other tools, with those tools: Helm 3, Helm 4, kustomize, and Flux's method.

docs/ways.md describes them. All must give the objects that `inject` gives for Helm's manifests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tools
from e2e.kit.foreign import CHART as FACSIMILE
from litellm_overlay import __version__
from litellm_overlay.catalogue import patch_files
from litellm_overlay.objects.access import is_payload
from support import helm

ROOT = helm.CHART.parents[1]
PLUGIN = ROOT / "plugins" / "helm-4"
PROGRAMS = Path(sys.executable).parent
IMAGE = "ghcr.io/berriai/litellm:v1.88.6"
FUNCTION = {
    "apiVersion": "litellm-overlay/v1",
    "kind": "Inject",
    "metadata": {
        "name": "litellm-overlay",
        "annotations": {
            "config.kubernetes.io/function": "exec:\n  path: litellm-overlay\n  args: [inject]\n"
        },
    },
}


def run(*command, stdin=None, code=0, **environ):
    """Run a program with our command on its PATH; return stdout, or stderr if it must fail."""
    path = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
    done = subprocess.run(
        [*map(str, command)],
        input=stdin or "",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, **environ},
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def objects(text):
    """Return {(kind, name): object}, without empty values."""

    def bare(value):
        if isinstance(value, dict):
            return {key: bare(item) for key, item in value.items() if item not in ({}, [], None)}
        return [bare(item) for item in value] if isinstance(value, list) else value

    data = [item for item in yaml.safe_load_all(text) if item]
    assert len({(it["kind"], it["metadata"]["name"]) for it in data}) == len(data)
    return {(it["kind"], it["metadata"]["name"]): bare(it) for it in data}


@pytest.fixture(scope="module")
def rendered():
    """Return the chart's manifests with its hooks."""
    return helm.template(chart=FACSIMILE)


@pytest.fixture(scope="module")
def wanted(rendered):
    """Return the objects with the overlay."""
    return objects(run("litellm-overlay", "inject", stdin=rendered))


@pytest.fixture(scope="module")
def helm_4(tmp_path_factory):
    """Return a function that runs Helm 4 with our plugin."""
    home = tmp_path_factory.mktemp("helm-4")
    places = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}

    def helm_4(*arguments, **more):
        return run(tools.path_of("helm-4"), *arguments, **places, **more)

    helm_4("plugin", "install", PLUGIN)
    return helm_4


def test_helm_3(wanted):
    """Helm 3 runs the command as post-renderer, with `inject` as its argument."""
    options = ("--post-renderer", "litellm-overlay", "--post-renderer-args", "inject")
    told = run(tools.path_of("helm"), "template", "litellm", FACSIMILE, "-n", "llm", *options)
    assert objects(told) == wanted


def test_helm_4(helm_4, rendered, wanted):
    """Helm 4 runs the plugin, which leaves hooks unchanged and keeps every object."""
    options = ("--post-renderer", "litellm-overlay")
    result = objects(helm_4("template", "litellm", FACSIMILE, "-n", "llm", *options))
    assert result == wanted
    assert objects(rendered).keys() < result.keys()
    hooks = [item for item in result.values() if "hook" in str(item["metadata"].get("annotations"))]
    assert hooks
    assert not any("litellm-overlay" in str(item) for item in hooks)


def test_helm_4_takes_options(helm_4):
    """Helm 4 passes further options; a refusal ends it, without its reason."""
    options = ("template", "litellm", FACSIMILE, "--post-renderer", "litellm-overlay")
    pinned = helm_4(*options, "--post-renderer-args", "--patch=1.0.0")
    assert '"patchVersion":"1.0.0"' in pinned
    refused = helm_4(*options, "--post-renderer-args", "--patch=9.9.9", code=1)
    assert 'plugin "litellm-overlay" exited with error' in refused


@pytest.mark.parametrize("name", ["helm", "helm-4"])
def test_values_by_f_as_a_post_renderer(helm_4, tmp_path, name):
    """With `-f` as an argument the post-renderer is refused, so Helm stops and loses no object."""
    values = tmp_path / "values.yaml"
    values.write_text("patch: {version: 1.0.0}\n")
    options = ["template", "litellm", FACSIMILE, "--post-renderer", "litellm-overlay"]
    given = ("--post-renderer-args", f"-f={values}")
    if name == "helm-4":
        assert "exited with error" in helm_4(*options, *given, code=1)
    else:
        command = (tools.path_of("helm"), *options, "--post-renderer-args", "inject", *given)
        assert "one of them would be lost" in run(*command, code=1)


def test_the_plugin_has_the_version_of_the_toolkit():
    """The plugin has the toolkit's version."""
    assert yaml.safe_load((PLUGIN / "plugin.yaml").read_text())["version"] == __version__


def build(folder, *options, **more):
    """Return kustomize's build of a folder."""
    return run(tools.path_of("kustomize"), "build", *options, folder, **more)


def kustomization(folder, **keys):
    """Write manifests into a folder with a kustomization."""
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["all.yaml"], **keys}))


FUNCTIONS = ("--enable-alpha-plugins", "--enable-exec")


def test_a_function_of_kustomize(tmp_path, rendered, wanted):
    """As a kustomize function `inject` adds only the overlay, with the exact payload."""
    (tmp_path / "all.yaml").write_text(rendered)
    (tmp_path / "inject.yaml").write_text(yaml.safe_dump(FUNCTION))
    kustomization(tmp_path, transformers=["inject.yaml"])
    result = objects(build(tmp_path, *FUNCTIONS))
    assert result == wanted
    payloads = [item for item in result.values() if is_payload(item)]
    assert len(payloads) == 2
    for item in payloads:
        version = item["metadata"]["name"].split("-")[2]
        files = patch_files.files(version)
        data = {path.replace("/", "."): text.decode() for path, text in files.items()}
        assert item["data"] == data


def test_a_function_of_kustomize_reads_its_own_file(tmp_path, rendered):
    """The function reads values from `spec`; wrong ones end the build."""
    (tmp_path / "all.yaml").write_text(rendered)
    kustomization(tmp_path, transformers=["inject.yaml"])
    for spec, code in (({"patch": {"version": "1.0.0"}}, 0), ({"pach": {}}, 1)):
        (tmp_path / "inject.yaml").write_text(yaml.safe_dump({**FUNCTION, "spec": spec}))
        text = build(tmp_path, *FUNCTIONS, code=code)
        assert ('"patchVersion":"1.0.0"' if code == 0 else "the values have no key 'pach'") in text


@pytest.mark.parametrize("name", ["litellm-litellm", "other"])
def test_what_flux_does(tmp_path, wanted, name):
    """Flux's postRenderers are kustomize patches of Helm's manifests, and give the same objects."""
    (tmp_path / "all.yaml").write_text(PLAIN.replace("NAME", name))
    options = ("--workload", name, "--image", IMAGE)
    data = yaml.safe_load(run("litellm-overlay", "render", "--format", "flux", *options))
    (renderer,) = data["spec"]["postRenderers"]
    kustomization(tmp_path, **renderer["kustomize"])
    result = objects(build(tmp_path))
    overlaid = objects(run("litellm-overlay", "inject", stdin=PLAIN.replace("NAME", name)))
    assert result[("Deployment", name)] == overlaid[("Deployment", name)]
    assert result[("Deployment", "bystander")] == overlaid[("Deployment", "bystander")]


PLAIN = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: NAME}}
spec:
  template:
    spec:
      containers:
      - {{name: litellm, image: "{IMAGE}", args: [--port, "4000"]}}
      - {{name: sidecar, image: "envoyproxy/envoy:v1.30"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: bystander}}
spec:
  template:
    spec:
      containers:
      - {{name: redis, image: "redis:7"}}
"""


def test_a_plugin_of_kubectl():
    """`kubectl litellm-overlay` finds the command."""
    program = PROGRAMS / "kubectl-litellm_overlay"
    assert run(program, "version").startswith(f"litellm-overlay {__version__}\n")
