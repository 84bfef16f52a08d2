"""Kinds with pods, owned objects, seccomp profiles and SCCs, and tags with two parts."""

from __future__ import annotations

import json

import pytest
import yaml

from fakes.overlaid import workload

DIGEST = "sha256:" + "a" * 64


def patched(text):
    """Return {"Kind/name": pod spec} of the pods with the overlay."""
    results = {}
    for document in filter(None, yaml.safe_load_all(text)):
        for item in document.get("items", [document]):
            template = item if item["kind"] == "Pod" else item.get("spec", {}).get("template", {})
            names = [each["name"] for each in template.get("spec", {}).get("initContainers", [])]
            if "litellm-overlay" in names:
                results[f"{item['kind']}/{item['metadata']['name']}"] = template["spec"]
    return results


def of_kind(kind, version="apps/v1", name="proxy"):
    """Return a workload of a kind."""
    return {**workload(name, kind), "apiVersion": version}


def pod(name="proxy-1", **metadata):
    """Return a pod; `metadata` can name its owner."""
    spec = workload()["spec"]["template"]["spec"]
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec,
    }  # fmt: skip


KINDS = [
    of_kind("DeploymentConfig", "apps.openshift.io/v1"),
    of_kind("ReplicaSet"),
    of_kind("ReplicationController", "v1"),
    of_kind("Rollout", "argoproj.io/v1alpha1"),
    of_kind("StatefulSet"),
    pod(),
]


@pytest.mark.parametrize("item", KINDS, ids=lambda item: item["kind"])
@pytest.mark.parametrize("write", [yaml.safe_dump, json.dumps], ids=["yaml", "json"])
def test_whatever_keeps_pods_gets_the_overlay_and_loses_it(cli, item, write):
    """Every kind that keeps pods gets the overlay and loses it again, also DeploymentConfig."""
    text = write(item)
    done = cli("inject", stdin=text)
    assert done.code == 0, done.err
    assert set(patched(done.out)) == {f"{item['kind']}/{item['metadata']['name']}"}
    assert cli("inject", "--remove", stdin=done.out).out == text
    assert "no-init-container" not in cli("doctor", stdin=done.out).out


def owned(kind, name):
    """Return the metadata of an object that another one owns."""
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}]}


ALL = [
    pod("proxy-5d4f8c7b9-x", **owned("ReplicaSet", "proxy-5d4f8c7b9")),
    {**of_kind("ReplicaSet"), "metadata": {"name": "proxy-5d4f", **owned("Deployment", "proxy")}},
]


@pytest.mark.parametrize("top", ["Deployment", "StatefulSet", "DaemonSet", "DeploymentConfig"])
@pytest.mark.parametrize("write", [yaml.safe_dump, json.dumps], ids=["yaml", "json"])
def test_of_all_that_a_namespace_has_only_the_top_gets_the_overlay(cli, top, write):
    """In the output of `kubectl get all` only the top object gets the overlay."""
    listed = {"apiVersion": "v1", "kind": "List", "items": [*ALL, of_kind(top)]}
    done = cli("inject", "--strict", stdin=write(listed))
    assert done.code == 0, done.err
    assert set(patched(done.out)) == {f"{top}/proxy"}
    assert "Pod/proxy-5d4f8c7b9-x: left alone: ReplicaSet/proxy-5d4f8c7b9 owns it" in done.err
    assert "ReplicaSet/proxy-5d4f: left alone: Deployment/proxy owns it" in done.err


@pytest.mark.parametrize(
    ("of_pod", "own"),
    [
        ({"runAsUser": 1000, "runAsGroup": 150}, {}),
        ({}, {"runAsNonRoot": True}),
        ({"fsGroup": 5}, {"runAsUser": 7, "seLinuxOptions": {"level": "s0"}}),
        ({}, {}),
    ],
)
def test_no_seccomp_profile_where_neither_pod_nor_proxy_has_one(cli, of_pod, own):
    """Without a seccomp profile of pod or proxy the guard has none either, as an SCC requires."""
    item = workload(securityContext=of_pod)
    item["spec"]["template"]["spec"]["containers"][0]["securityContext"] = own
    done = cli("inject", stdin=yaml.safe_dump(item))
    (spec,) = patched(done.out).values()
    assert "seccompProfile" not in json.dumps(spec)


@pytest.mark.parametrize(
    ("image", "release", "state"),
    [
        ("acme/litellm:v1.86.2-acme-1.0.3", "1.86.2", "affected"),
        ("acme/litellm:v1.88.6_hardened-2.0.1", "1.88.6", "affected"),
        ("acme/litellm:main-v1.83.3-stable-1.90.0", "1.83.3", "affected"),
        ("acme/litellm:v1.90.0-base-1.82.3", "1.90.0", "fixed"),
        ("acme/litellm:v1.82.7-acme-1.86.2", "1.82.7", "malicious"),
    ],
)
def test_the_first_version_in_a_tag_counts_and_is_doubted(cli, image, release, state):
    """The first version in a tag counts, and is marked as not exact."""
    (data,) = json.loads(cli("releases", "--output", "json", image).out)
    assert (data["version"], data["state"], data["exact"]) == (release, state, False)


@pytest.mark.parametrize(
    "tag", ["v1.88.6", "main-v1.82.3-stable", "v1.86.2", "v1.83.3-stable", "v1.84.0-rc.1"]
)
def test_a_tag_beside_a_digest_is_enough_to_pin(cli, tag, tmp_path, monkeypatch):
    """A tag with a release and a digest can be pinned; the lock has both."""
    monkeypatch.chdir(tmp_path)
    done = cli("pin", "--image", f"registry.example.com/litellm:{tag}@{DIGEST}")
    assert done.code == 0, done.err
    written = json.loads((tmp_path / "litellm-overlay.lock").read_text())
    assert (written["image"], written["imageDigest"]) == (
        f"registry.example.com/litellm:{tag}",
        DIGEST,
    )
    assert written["litellmVersion"]
    assert written["stockSha256"]


@pytest.mark.parametrize("tag", ["main-stable", "latest", "v1.86.2-acme-1.0.3", "2026.11.26"])
def test_a_tag_that_moves_or_is_somebody_s_own_is_not_enough(cli, tag, tmp_path, monkeypatch):
    """A moving or custom tag with a digest is refused, with a hint how to learn the release."""
    monkeypatch.chdir(tmp_path)
    done = cli("pin", "--image", f"registry.example.com/litellm:{tag}@{DIGEST}")
    assert done.code == 3
    assert "--from-cluster" in done.err
    assert list(tmp_path.iterdir()) == []
