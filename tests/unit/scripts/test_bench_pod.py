"""`make bench-pod` measures the same pod with and without the overlay."""

from __future__ import annotations

import json

import yaml

import bench_pod
from pins import PINS

IMAGE = PINS["litellm-images"]["venv"]


class FakeCluster:
    """A fake kubectl, for a pod whose guard took 0.2 s."""

    def __init__(self):
        self.applied, self.deleted = [], 0

    def kubectl(self, *arguments, stdin=None):
        if "apply" in arguments:
            self.applied.append([item["kind"] for item in yaml.safe_load_all(stdin)])
        self.deleted += "delete" in arguments
        if "get" not in arguments:
            return ""
        ended = {"terminated": {"message": json.dumps({"milliseconds": 200})}}
        overlaid = len(self.applied[-1]) > 1
        return json.dumps(
            {"status": {"initContainerStatuses": [{"state": ended}]} if overlaid else {}}
        )


def test_they_differ_by_the_overlay_alone():
    """The two pods differ only by the overlay."""
    made = bench_pod.manifests(IMAGE)
    (plain,) = yaml.safe_load_all(made["plain"])
    overlaid = {item["kind"]: item for item in yaml.safe_load_all(made["overlaid"])}
    assert "initContainers" not in plain["spec"]
    assert [each["name"] for each in overlaid["Pod"]["spec"]["initContainers"]] == [
        "litellm-overlay"
    ]
    assert overlaid["ConfigMap"]["metadata"]["namespace"] == bench_pod.NAMESPACE


def test_the_rows():
    """The pods alternate, the first round does not count, and every pod is deleted."""
    cluster = FakeCluster()
    rows = bench_pod.measure(cluster, IMAGE, 2)
    assert cluster.applied == [["Pod"], ["ConfigMap", "ConfigMap", "Pod"]] * 3
    assert cluster.deleted == 6
    assert rows["pod-guard"].ours == 0.2
    assert rows["pod-guard"].beside == rows["pod-start"].beside > 0
