"""`inject`: the workloads that it finds, the parts that it leaves alone, and its undoing.

More than 300 lines, since it is a list: one way to write manifests, one test.
"""

from __future__ import annotations

import json

import pytest
import yaml

from fakes import payloads as fake
from litellm_overlay.catalogue import releases
from litellm_overlay.errors import OverlayError
from litellm_overlay.names import (
    DIGEST_ANNOTATION,
    INIT_CONTAINER,
    OUTPUT_VOLUME,
    PAYLOAD_VOLUME,
    VERSION_ANNOTATION,
)
from litellm_overlay.overlay import inject, values

CATALOGUE = releases.load()
SERVICE = "# Source: service.yaml\napiVersion: v1\nkind:   Service\nmetadata: {name: x}  # odd\n"
JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrations}
spec:
  template:
    spec:
      containers:
      - {name: litellm, image: "ghcr.io/berriai/litellm:v1.88.6"}
"""
CRON_JOB = """\
apiVersion: batch/v1
kind: CronJob
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - {name: litellm, image: "ghcr.io/berriai/litellm:v1.88.6"}
"""


def deployment(pod=None, kind="Deployment", image="ghcr.io/berriai/litellm:v1.88.6"):
    """Return a workload as YAML; `pod` is its pod spec, by default one container."""
    pod = pod or f"containers:\n- name: litellm\n  image: {image}\n"
    indented = "".join(f"      {line}\n" for line in pod.splitlines())
    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: proxy\n"
        f"spec:\n  template:\n    spec:\n{indented}"
    )


def run(text, options="", container=None):
    """Return the text after `inject` with small payloads."""
    return inject.inject(text, fake.planner(values.load(options, container=container))).text


def pods(text):
    """Return {"Kind/name": pod spec} of the workloads."""
    results = {}
    for item in yaml.safe_load_all(text):
        for each in item["items"] if item["kind"] == "List" else [item]:
            template = each.get("spec", {}).get("template", each)
            if "containers" in template.get("spec", {}):
                results[f"{each['kind']}/{each['metadata']['name']}"] = template["spec"]
    return results


def init_names(pod):
    """Return the names of a pod's init containers."""
    return [item["name"] for item in pod.get("initContainers", [])]


POD_SHAPES = {
    "bare": None,
    "indented": "containers:\n  - name: litellm\n    image: litellm:v1.88.6\n",
    "volumes": "volumes:\n- name: a\n  emptyDir: {}\ncontainers:\n- image: litellm:v1.88.6\n  name: litellm\n",
    "mounts": (
        "containers:\n- name: litellm\n  image: litellm:v1.88.6\n  volumeMounts:\n"
        "  - name: a\n    mountPath: /a\n  # last\nvolumes:\n- name: a\n  emptyDir: {}\n"
    ),
    "init": (
        "initContainers:\n# waits\n- name: wait\n  image: busybox\n"
        "containers:\n- name: litellm\n  image: litellm:v1.88.6\n\nrestartPolicy: Always\n"
    ),
    "block-scalar": (
        "containers:\n- name: litellm\n  image: litellm:v1.88.6\n  command:\n  - sh\n  - -c\n"
        "  - |\n    exec litellm\n\n"
    ),
    "kept-lines": (
        "containers:\n- name: litellm\n  image: litellm:v1.88.6\n  command:\n  - |+\n    a\n\n"
    ),
    "anchors": (
        "volumes: &volumes\n- &one\n  name: a\n  emptyDir: {}\n"
        "containers:\n- name: litellm\n  image: litellm:v1.88.6\n"
    ),
    "no-value": "nodeSelector:\ncontainers:\n- name: litellm\n  image: litellm:v1.88.6\n  env:\n",
}


@pytest.mark.parametrize("pod", POD_SHAPES.values(), ids=POD_SHAPES)
@pytest.mark.parametrize("marker", ["", "---\n"], ids=["plain", "marked"])
def test_removal_gives_the_original_back(pod, marker):
    """`remove` restores the exact text."""
    text = f"{marker}{SERVICE}---\n{deployment(pod)}---\n{JOB}"
    overlaid = run(text)
    assert overlaid != text
    assert inject.remove(overlaid) == text


@pytest.mark.parametrize("pod", POD_SHAPES.values(), ids=POD_SHAPES)
def test_the_overlay_is_whole(pod):
    """The overlay has the init container first, two volumes, one mount, and its ConfigMaps."""
    text = run(deployment(pod))
    (spec,) = pods(text).values()
    assert init_names(spec)[0] == INIT_CONTAINER
    volumes = {item["name"]: item for item in spec["volumes"]}
    (proxy,) = spec["containers"]
    mounts = [item for item in proxy["volumeMounts"] if item["name"] == OUTPUT_VOLUME]
    assert mounts == [
        {
            "name": OUTPUT_VOLUME,
            "mountPath": CATALOGUE.paths_of("1.88.6")[0].path,
            "subPath": "endpoints.py",
            "readOnly": True,
        }
    ]
    config_maps = {
        item["metadata"]["name"]: item
        for item in yaml.safe_load_all(text)
        if item["kind"] == "ConfigMap"
    }
    assert len(config_maps) == len(CATALOGUE.patch_versions)
    source = volumes[PAYLOAD_VOLUME]["configMap"]
    assert source["defaultMode"] == 0o444
    assert {item["key"] for item in source["items"]} == set(config_maps[source["name"]]["data"])
    assert volumes[OUTPUT_VOLUME] == {
        "name": OUTPUT_VOLUME,
        "emptyDir": {"sizeLimit": "4Mi"},
    }


@pytest.mark.parametrize("pod", POD_SHAPES.values(), ids=POD_SHAPES)
def test_twice_is_once(pod):
    """Injecting twice equals injecting once."""
    once = run(f"{SERVICE}---\n{deployment(pod)}")
    assert run(once) == once


def test_another_version_replaces_the_overlay_in_place():
    """Injecting another version equals a fresh injection of it."""
    text = f"{SERVICE}---\n{deployment()}---\n{JOB}"
    old = run(text, "patch: {version: 1.0.0}\nmodulePath: /elsewhere/endpoints.py\nname: older")
    assert run(old) == run(text)


@pytest.mark.parametrize("other", [SERVICE, JOB, CRON_JOB, "# a comment only\n"])
def test_other_documents_are_passed_on_to_the_byte(other):
    """Other documents stay unchanged, also Jobs with the proxy's image."""
    for text in (f"{other}---\n{deployment()}", f"---\n{deployment()}---\n{other}"):
        assert other in run(text)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Rollout"])
def test_whatever_keeps_pods_running_is_found(kind):
    """Every kind that keeps pods running is found."""
    assert init_names(pods(run(deployment(kind=kind)))[f"{kind}/proxy"]) == [INIT_CONTAINER]


@pytest.mark.parametrize(
    "image",
    [
        "litellm:v1.88.6",
        "registry.example.com:5000/mirror/litellm-database:main-v1.82.3-stable",
        "ghcr.io/berriai/litellm-non_root:v1.88.6@sha256:" + "0" * 64,
        "ghcr.io/berriai/litellm-gateway:v1.88.6",
    ],
)
def test_the_proxy_is_found_by_its_image(image):
    """The proxy is found by its image in any registry, and the guard has the same image."""
    (spec,) = pods(run(deployment(image=image))).values()
    assert spec["initContainers"][0]["image"] == image


def test_the_proxy_is_found_by_its_name():
    """The proxy is found by the name of its container."""
    pod = "containers:\n- name: llm\n  image: acme/gateway:7\n- name: other\n  image: litellm:v1.88.6\n"
    (spec,) = pods(run(deployment(pod), "litellmVersion: 1.88.6", container="llm")).values()
    assert [len(item.get("volumeMounts", [])) for item in spec["containers"]] == [1, 0]
    assert spec["initContainers"][0]["image"] == "acme/gateway:7"


@pytest.mark.parametrize("layout", [{"indent": 2}, {"indent": "\t"}, {}], ids=str)
def test_json_is_edited_in_place(layout):
    """JSON is edited in place, keeps its layout, and can be restored."""
    workload = yaml.safe_load(deployment())
    listed = {"apiVersion": "v1", "kind": "List", "items": [workload, workload]}
    text = json.dumps(listed, **layout)
    overlaid = run(text)
    *_, after = overlaid.rpartition("---\n")
    for item in json.loads(after)["items"]:
        assert init_names(item["spec"]["template"]["spec"]) == [INIT_CONTAINER]
    assert inject.remove(overlaid) == text
    assert run(overlaid) == overlaid


@pytest.mark.parametrize(
    "pod",
    [
        "containers: [{name: litellm, image: 'litellm:v1.88.6'}]",
        "{containers: [{name: litellm, image: 'litellm:v1.88.6'}]}",
        "{ containers: [ {name: litellm, image: 'litellm:v1.88.6', volumeMounts: } ], volumes: ~ }",
        "containers:\n-\n  name: litellm\n  image: litellm:v1.88.6\n",
        "volumes: [{name: a, emptyDir: {}}]\ncontainers:\n- name: litellm\n  image: litellm:v1.88.6",
        "volumes: []\ncontainers:\n- name: litellm\n  image: litellm:v1.88.6\n  volumeMounts: []  # none",
        "volumes:  # none\ncontainers:\n- {name: litellm, image: 'litellm:v1.88.6'}\ninitContainers: null",
        "containers: &all\n- name: litellm\n  image: litellm:v1.88.6\nx: {labels: &l {a: b}, more: *l}",
    ],
)
@pytest.mark.parametrize("ending", ["\n", ""], ids=["ended", "open"])
def test_other_ways_to_write_yaml_are_edited_in_place(pod, ending):
    """Flow style, anchors, empty lists and nulls are edited in place and restored."""
    text = deployment(pod).removesuffix("\n") + ending
    overlaid = run(text)
    (spec,) = pods(overlaid).values()
    assert init_names(spec)[0] == INIT_CONTAINER
    assert run(overlaid) == overlaid
    assert inject.remove(overlaid) == text


def test_a_list_that_holds_a_payload_is_not_lost():
    """A List with a payload and a workload keeps both."""
    payload, workload = list(yaml.safe_load_all(run(deployment())))[-2:]
    text = yaml.safe_dump({"kind": "List", "items": [payload, workload]})
    assert [item["kind"] for item in yaml.safe_load(inject.remove(text))["items"]] == [
        "ConfigMap",
        "Deployment",
    ]


def test_line_ends_are_kept():
    """Windows line endings are kept."""
    text = deployment().replace("\n", "\r\n")
    overlaid = run(text)
    workload = overlaid[overlaid.index("apiVersion: apps/v1") :]
    assert workload.count("\n") == workload.count("\r\n")
    assert inject.remove(overlaid) == text


def test_each_namespace_gets_its_config_maps_once():
    """Each namespace gets the ConfigMaps once, before its first workload."""
    first = deployment().replace("name: proxy", "name: a\n  namespace: one")
    second = deployment().replace("name: proxy", "name: b\n  namespace: two")
    third = deployment().replace("name: proxy", "name: c\n  namespace: one")
    kinds = [
        (item["kind"], item["metadata"].get("namespace"))
        for item in yaml.safe_load_all(run(f"{first}---\n{second}---\n{third}"))
    ]
    maps = len(CATALOGUE.patch_versions)
    assert kinds == [
        *[("ConfigMap", "one")] * maps,
        ("Deployment", "one"),
        *[("ConfigMap", "two")] * maps,
        ("Deployment", "two"),
        ("Deployment", "one"),
    ]


def test_the_pod_gets_the_annotations():
    """The pod gets our annotations beside its own, which roll it on a change."""
    text = deployment().replace(
        "  template:\n", "  template:\n    metadata:\n      annotations: {a: b}\n"
    )
    (*_, workload) = yaml.safe_load_all(run(text))
    assert workload["spec"]["template"]["metadata"]["annotations"] == {
        "a": "b",
        VERSION_ANNOTATION: "2.0.0",
        DIGEST_ANNOTATION: "0123456789abcdef" * 4,
    }


TWO = "containers:\n- name: a\n  image: litellm:v1.88.6\n- name: b\n  image: litellm:v1.88.6\n"
HIDDEN = (
    "containers:\n- name: litellm\n  image: litellm:v1.88.6\n  volumeMounts:\n"
    "  - {name: app, mountPath: /app/}\n"
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no container in these manifests runs an image of LiteLLM"),
        (
            deployment(
                "containers:\n- &it\n  name: litellm\n  image: litellm:v1.88.6\n"
                "initContainers: [{<<: *it, name: a}]"
            ),
            "Deployment/proxy cannot be edited in place: line 9: item 1 is used elsewhere too, as *it",
        ),
        (f"{SERVICE}---\n{JOB}---\n{CRON_JOB}", "no container in these manifests"),
        (deployment(image="nginx:1"), "no container in these manifests"),
        (deployment(TWO), "runs LiteLLM's image in several containers: a, b"),
        (deployment(HIDDEN), "the volume app is mounted at /app, over or above /app/.venv"),
        (deployment("containers:\n- image: litellm:v1.88.6\n"), "has no name or no image"),
        ("containers: [\n", "a document is not YAML"),
        ("containers: {{ .Values.x }}\n", "a document is not YAML"),
        ("a: [\n", "a document is not YAML"),
    ],
)
def test_what_cannot_be_overlaid_is_refused(text, sentence):
    """A workload that cannot be overlaid is refused with an error and a hint."""
    with pytest.raises(OverlayError) as refused:
        run(text)
    assert sentence in refused.value.message
    assert refused.value.hint


def test_nothing_to_remove_is_no_error():
    """Removing from a stream without an overlay changes nothing."""
    text = f"{SERVICE}---\n{deployment()}"
    assert inject.remove(text) == text
    assert inject.remove("") == ""
