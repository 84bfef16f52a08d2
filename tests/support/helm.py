"""Helm for tests: the pinned version that `make build-tools` installs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

import tools

CHART = Path(__file__).parents[2] / "charts" / "litellm-overlay"
CI = sorted((CHART / "ci").glob("*-values.yaml"))
LEAST = ("--set", "masterKey.secretName=keys")  # the only required value


Json = dict[str, Any]


class Refused(Exception):  # noqa: N818 - not an error of the tests
    """Helm failed or warned; the text is its output."""


def run(*arguments: str | Path) -> str:
    """Return Helm's stdout; raises Refused if Helm fails or prints a warning."""
    done = subprocess.run(
        [tools.path_of("helm"), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        raise Refused(done.stderr + done.stdout)
    return done.stdout


def template(*arguments: str | Path, chart: Path = CHART) -> str:
    """Return the manifests of a release "litellm" in the namespace "llm"."""
    return run("template", "litellm", chart, "--namespace", "llm", *arguments)


def objects(*arguments: str | Path, chart: Path = CHART) -> dict[tuple[str, str], Json]:
    """Return the same manifests, parsed, by (kind, name)."""
    items = yaml.safe_load_all(template(*arguments, chart=chart))
    return {(item["kind"], item["metadata"]["name"]): item for item in items if item}


def of_kind(kind: str, *arguments: str | Path, chart: Path = CHART) -> Json:
    """Return the one object of a kind; fail if there are none or several."""
    (item,) = (v for k, v in objects(*arguments, chart=chart).items() if k[0] == kind)
    return item


def pod_of(*arguments: str | Path) -> Json:
    """Return the Deployment's pod template."""
    pod: Json = of_kind("Deployment", *arguments)["spec"]["template"]
    return pod
