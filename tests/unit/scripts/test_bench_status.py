"""`make bench-status` measures a fleet without faults."""

from __future__ import annotations

import json
import sys

import pytest

import bench_status
from fakes import overlaid
from fakes.api_server import FakeApi, kubeconfig, serving
from litellm_overlay import cli


def test_its_deployments_are_seen_as_patched(tmp_path, monkeypatch, capsys):
    """Its Deployments are patched with two agreeing pods; otherwise nothing is measured."""
    made = bench_status.deployments(3)
    assert len({item["spec"]["template"]["metadata"]["labels"]["app"] for item in made}) == 3
    status = bench_status.running()
    pods = [overlaid.pod(item, number, **status) for item in made for number in range(2)]
    with serving(FakeApi({"deployments": made, "pods": pods})) as api:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", api.url)))
        argv = ["litellm-overlay", "status", "-A", "--output", "json"]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit):
            cli.main()
    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["decision"], row["agreeing"], row["pods"]) for row in rows] == [
        (f"proxy-{index}", "patched", 2, 2) for index in range(3)
    ]
