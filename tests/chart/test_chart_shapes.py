"""The values that `render` makes for the chart `litellm`, rendered with a chart of that shape."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from litellm_overlay import checks
from litellm_overlay.catalogue import releases
from support import helm, litellm_chart


@pytest.mark.parametrize("subchart", [None, "litellm"])
def test_the_proxy_gets_the_whole_overlay(tmp_path, subchart):
    """Guard and proxy have one image, the payload is rendered, and doctor finds nothing missing."""
    files = litellm_chart.shared_image()
    chart = litellm_chart.write(
        litellm_chart.umbrella(files) if subchart else files, tmp_path / "chart"
    )
    mine = tmp_path / "mine.yaml"
    image = {"image": {"repository": "ghcr.io/berriai/litellm", "tag": "v1.88.6"}}
    mine.write_text(yaml.safe_dump({subchart: image} if subchart else image))
    ours = tmp_path / "overlay.yaml"
    more = ["--subchart", subchart] if subchart else []
    command = [sys.executable, "-m", "litellm_overlay", "render", "--format=litellm-chart-values"]
    command += ["--chart", chart, "--chart-values", mine, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ours.write_text(done.stdout)
    items = helm.objects("--values", mine, "--values", ours, chart=chart).values()
    (pod,) = (it["spec"]["template"]["spec"] for it in items if it["kind"] == "Deployment")
    assert pod["initContainers"][0]["image"] == pod["containers"][0]["image"]
    assert pod["initContainers"][0]["name"] == "litellm-overlay"
    findings = checks.findings(items, releases.load())
    assert {item.topic for item in findings} <= {"no-drain", "one-replica"}
    assert any(item["kind"] == "ConfigMap" for item in items)
