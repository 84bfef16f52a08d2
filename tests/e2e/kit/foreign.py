"""LiteLLM deployed by others, without the overlay: with a chart, and with plain manifests."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from e2e.kit.stories import CONFINED_POD, PROXY_ENV, proxy_config

if TYPE_CHECKING:
    from e2e.kit.stories import Json

TESTS = Path(__file__).parents[2]
CHART = TESTS / "chart" / "facsimile"  # a facsimile: LiteLLM's own chart cannot be downloaded here
PLAIN = TESTS / "e2e" / "plain"
APP = "app=litellm"  # the proxy's pods, with either
JOB = "litellm-migrations"  # the migrations Job, of either
OVERLAY = Path(sys.executable).with_name("litellm-overlay")
INJECT = ("--post-renderer", OVERLAY, "--post-renderer-args", "inject")  # options of Helm 3


def chart_values(image: str, generation: str) -> Json:
    """Return an operator's values for one generation of the chart."""
    repository, _, tag = image.rpartition(":")
    job = yaml.safe_load((PLAIN / "migrations.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    master_key = {"secretKeyRef": {"name": "litellm-keys", "key": "master-key"}}
    return {
        "generation": generation,
        "image": {"repository": repository, "tag": tag},
        "proxy_config": proxy_config(),
        "extraEnvVars": [{"name": "LITELLM_MASTER_KEY", "valueFrom": master_key}, *PROXY_ENV],
        "podSecurityContext": CONFINED_POD["securityContext"],
        "securityContext": container["securityContext"],
        "volumes": [{"name": "authority", "configMap": {"name": "authority"}}],
        "volumeMounts": [{"name": "authority", "mountPath": "/authority"}],
        "migrationJob": {"command": container["command"]},
    }


def plain(folder: Path) -> Path:
    """Copy the plain manifests to a new folder for kustomize; return the folder."""
    manifests = folder / "plain"
    shutil.copytree(PLAIN, manifests)
    (manifests / "config.yaml").write_text(json.dumps(proxy_config()))  # JSON is YAML
    return manifests
