"""`render` and `inject` with a facsimile of LiteLLM's chart, which cannot be downloaded here.

Helm renders tests/chart/facsimile in each generation of that chart, with its pitfalls.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from e2e.kit.foreign import CHART as FACSIMILE
from e2e.kit.foreign import INJECT
from litellm_overlay.overlay import payload
from support import helm

MINE = """\
extraInitContainers: [{name: mine, image: busybox}]
volumes: [{name: plugins, configMap: {name: plugins}}]
volumeMounts: [{name: plugins, mountPath: /plugins}]
image: {repository: ghcr.io/berriai/litellm-database, tag: main-v1.82.3-stable}
"""
generations = pytest.mark.parametrize("generation", ["plain", "tpl"])


def overlay(*arguments, stdin=""):
    """Run a verb; return its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "litellm_overlay", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        cwd=helm.CHART.parents[1] / "patch",
    )
    return done.stdout


@pytest.fixture
def mine(tmp_path):
    """Return the operator's own values file."""
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return path


@pytest.fixture
def ours(mine, tmp_path):
    """Return the path of the values file that `render` makes for it."""
    path = tmp_path / "overlay.yaml"
    path.write_text(overlay("render", "--format=litellm-helm-values", f"--chart-values={mine}"))
    return path


def rendered(generation, *files):
    """Return the facsimile's manifests with values files, as one of its generations."""
    values = [item for file in files for item in ("--values", file)]
    return helm.template("--set", f"generation={generation}", *values, chart=FACSIMILE)


def workloads(text):
    """Return {name: pod spec} of the Deployments and Jobs."""
    return {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]
        for item in yaml.safe_load_all(text)
        if item and item["kind"] in ("Deployment", "Job")
    }


def unfilled(pod):
    """Return the containers that mount our file in a pod where no init container writes it."""
    writers = {
        mount["name"]
        for container in pod.get("initContainers", [])
        for mount in container.get("volumeMounts", [])
        if not mount.get("readOnly")
    }
    return [
        container["name"]
        for container in pod["containers"]
        for mount in container.get("volumeMounts", [])
        if mount["name"] == "litellm-overlay-output" and mount["name"] not in writers
    ]


@generations
def test_the_trap_is_there(generation, mine, ours, tmp_path):
    """Without the values for the Job, the Job mounts a file that nobody writes."""
    naive = yaml.safe_load(ours.read_text())
    del naive["migrationJob"]
    path = tmp_path / "naive.yaml"
    path.write_text(yaml.safe_dump(naive))
    pods = workloads(rendered(generation, mine, path))
    assert unfilled(pods["litellm-migrations"]) == ["prisma-migrations"]


@generations
def test_values_for_the_chart(generation, mine, ours):
    """With the values the guard comes first, the operator's lists stay, all files are written."""
    pods = workloads(rendered(generation, mine, ours))
    assert not [name for name, pod in pods.items() if unfilled(pod)]
    deployments = [pod for name, pod in pods.items() if not name.endswith("migrations")]
    assert len(deployments) == {"plain": 1, "tpl": 2}[generation]
    for pod in deployments:
        assert [item["name"] for item in pod["initContainers"]] == ["litellm-overlay", "mine"]
        assert pod["initContainers"][0]["image"] == pod["containers"][0]["image"]
        assert {"name": "plugins", "mountPath": "/plugins"} in pod["containers"][0]["volumeMounts"]


@generations
@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_the_payload_arrives(generation, version, mine, ours):
    """The payload arrives unchanged, though one generation of the chart evaluates templates."""
    maps = [
        item
        for item in yaml.safe_load_all(rendered(generation, mine, ours))
        if item and item["kind"] == "ConfigMap" and f"-{version}-" in item["metadata"]["name"]
    ]
    (item,) = maps
    results = {key: text.encode() for key, text in item["data"].items()}
    assert "binaryData" not in item
    expected = {name.replace("/", "."): text for name, text in payload.files(version).items()}
    assert results == expected


def test_an_old_chart_says_nothing(mine, ours):
    """An old chart ignores the values; the values file points to `inject`, which works."""
    text = rendered("old", mine, ours)
    assert "LITELLM_OVERLAY_PLAN\n" not in text
    assert unfilled(workloads(text)["litellm"]) == ["litellm"]
    assert "use `litellm-overlay inject`" in ours.read_text()
    injected = overlay("inject", stdin=rendered("old", mine))
    assert not unfilled(workloads(injected)["litellm"])


@pytest.mark.parametrize("generation", ["old", "plain", "tpl"])
def test_inject(generation, mine):
    """`inject` overlays the Deployments but not the Job, and --remove restores the exact text."""
    text = rendered(generation, mine)
    injected = overlay("inject", stdin=text)
    pods, before = workloads(injected), workloads(text)
    assert pods["litellm-migrations"] == before["litellm-migrations"]
    for name in before.keys() - {"litellm-migrations"}:
        assert pods[name]["initContainers"][0]["name"] == "litellm-overlay"
        assert not unfilled(pods[name])
    assert overlay("inject", stdin=injected) == injected
    assert overlay("inject", "--remove", stdin=injected) == text


def test_as_a_post_renderer(mine):
    """As a Helm 3 post-renderer `inject` overlays the Deployment, and leaves the hooks alone."""
    text = helm.template("--values", mine, *INJECT, chart=FACSIMILE)
    pods = workloads(text)
    assert "litellm-overlay" in [item["name"] for item in pods["litellm"]["initContainers"]]
    assert "initContainers" not in pods["litellm-migrations"]
