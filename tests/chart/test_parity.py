"""The chart and `litellm-overlay render` produce the same overlay."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from litellm_overlay.catalogue import releases
from litellm_overlay.errors import OverlayError
from litellm_overlay.overlay import plan, templates, values
from litellm_overlay.overlay.payload import payloads
from litellm_overlay.overlay.plan import Planner
from support import helm

GOLDEN = helm.CHART.parents[1] / "tests" / "golden"
SHARED = [
    "image",
    "litellmVersion",
    "modulePath",
    "onUnknown",
    "expectedSha256",
    "patch",
    "initResources",
    "env",
    "securityContext",
    "podSecurityContext",
]
FILES = {"drainFile": "/litellm-overlay/drain/now", "offFile": "/litellm-overlay/switch/off"}
DEFAULTS = yaml.safe_load((helm.CHART / "values.yaml").read_text())
PATCHED = [path for path in helm.CI if path.name != "stock-values.yaml"]


def merged(defaults, given):
    """Return values as Helm merges them: maps by key, and null removes a default."""
    if not (isinstance(defaults, dict) and isinstance(given, dict)):
        return given
    result = {**defaults, **{key: merged(defaults.get(key), given[key]) for key in given}}
    return {key: value for key, value in result.items() if value is not None}


def rendered(case, name):
    """Return the toolkit's overlay: init containers, volumes, mounts and annotations."""
    every = merged(DEFAULTS, yaml.safe_load(case.read_text()))
    mine = {key: every[key] for key in SHARED if key in every}
    mine["patch"] = {**mine["patch"], **FILES}
    del mine["patch"]["enabled"]
    operator_values = values.load(yaml.safe_dump(mine), name=name)
    overlay = Planner.from_values(operator_values).plan(plan.from_values(operator_values))
    fragment = templates.render_fragment(overlay)
    return [
        yaml.safe_load(text)
        for text in (
            fragment.init_container,
            fragment.volumes,
            fragment.mount,
            fragment.annotations,
        )
    ]


def with_parsed_plan(container):
    """Return an init container with its plan parsed, so that JSON's format does not matter."""
    plan_entry, *others = container["env"]
    assert plan_entry["name"] == "LITELLM_OVERLAY_PLAN"
    return {**container, "env": [json.loads(plan_entry["value"]), *others]}


@pytest.mark.parametrize("case", PATCHED, ids=lambda path: path.name)
def test_the_pod_has_what_the_toolkit_renders(case):
    """The chart's pod has the toolkit's init container, volumes, mount and annotations."""
    deployment = helm.of_kind("Deployment", "--values", case)
    template = deployment["spec"]["template"]
    pod = template["spec"]
    ((guard,), volumes, (mount,), annotations) = rendered(case, deployment["metadata"]["name"])
    assert with_parsed_plan(pod["initContainers"][0]) == with_parsed_plan(guard)
    assert [item for item in volumes if item not in pod["volumes"]] == []
    assert mount in pod["containers"][0]["volumeMounts"]
    assert annotations.items() <= template["metadata"]["annotations"].items()


def test_the_drain_and_the_switch_are_the_toolkits():
    """The chart's hooks, volumes and grace periods equal those of `render --format manifests`."""
    text = (GOLDEN / "minimal" / "expected.manifests.yaml").read_text()
    theirs = next(item for item in yaml.safe_load_all(text) if item["kind"] == "Deployment")
    pods = [theirs["spec"]["template"]["spec"], helm.pod_of(*helm.LEAST)["spec"]]
    (rendered, chart) = (
        {
            "hooks": proxy["lifecycle"],
            "time": pod["terminationGracePeriodSeconds"],
            "time of a proxy that hangs": {
                name: proxy[name].get("terminationGracePeriodSeconds")
                for name in ("startupProbe", "readinessProbe", "livenessProbe")
            },
            "volumes": [it for it in pod["volumes"] if it["name"] in ("drain", "switch")],
            "mounts": [it for it in proxy["volumeMounts"] if it["name"] in ("drain", "switch")],
        }
        for pod in pods
        for proxy in pod["containers"]
    )
    assert rendered == chart


def test_the_payloads_are_the_toolkits():
    """The chart's payload ConfigMaps have the toolkit's names, content, annotations and labels."""
    items = helm.objects(*helm.LEAST)
    for payload in payloads("litellm", releases.load()):
        (expected,) = yaml.safe_load_all(
            templates.render("payload.yaml.j2", payloads=[payload], namespace=None)
        )
        item = items["ConfigMap", payload.name]
        assert item["data"] == expected["data"]
        assert item["metadata"]["annotations"] == expected["metadata"]["annotations"]
        labels = expected["metadata"]["labels"]
        assert labels.items() <= item["metadata"]["labels"].items()


SAID = {
    "is malware": "malware",
    "which is malware": "malware",
    "is not in th": "not in the catalogue",
    "layouts": "two layouts",
    "does not tell which": "not told",
    "has no Responses": "no endpoint",
}


def outcome(sentence):
    """Return a refusal as (kind, release or None), the same for chart and toolkit."""
    (kind,) = {word for part, word in SAID.items() if part in sentence}
    release = re.search(r"LiteLLM v?(\d[\w.]*\w)", sentence)
    return kind, release[1] if release else None


def by_chart(tag, **more):
    try:
        given = ",".join(f"{key}={value}" for key, value in {"image.tag": tag, **more}.items())
        pod = helm.pod_of(*helm.LEAST, "--set", given)
    except helm.Refused as refusal:
        return outcome(str(refusal))
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    return next(item["mountPath"] for item in mounts if item.get("subPath") == "endpoints.py")


def by_toolkit(tag, **more):
    digest = more.get("image.digest")
    image = {"repository": "ghcr.io/berriai/litellm", "tag": tag, "digest": digest}
    named = {key: value for key, value in more.items() if key != "image.digest"}
    operator_values = values.load(yaml.safe_dump({"image": image, **named}))
    try:
        return (
            Planner.from_values(operator_values).plan(plan.from_values(operator_values)).module_path
        )
    except OverlayError as error:
        return outcome(error.message)


@pytest.mark.parametrize(
    "tag",
    [
        "v1.86.2",
        "main-v1.82.3-stable",
        "v1.86.2-acme-1.0.3",
        "acme_1.86.2-1.0.3",
        "acme-1.0.3-v1.86.2",
        "v1.84.0-rc.1",
        "v1.84.0-rc.99",
        "1.87.0.dev1",
        "abc1.86.2",
        "main-latest",
        "1.86",
        "v1.83.7",
        "v1.81.0",
        "v1.107.0",
        "v1.107.0-rc.2",
        "v1.107.0-nightly",
        "v1.82.7-rc.1",
        "v1.86.2-of-1.82.7",
        "v1.107.0.rc2-1.82.8",
        "1.86.2_x1.82.7.9",
        "11.107.0",
    ],
)
def test_a_tag_is_read_alike(tag):
    """Chart and toolkit read an image tag alike: the first version counts, or malware anywhere."""
    assert by_chart(tag) == by_toolkit(tag)


@pytest.mark.parametrize(
    "more",
    [
        {"litellmVersion": "1.86.2"},
        {"modulePath": "/a/endpoints.py"},
        {"litellmVersion": "1.86.2", "modulePath": "/a/endpoints.py"},
    ],
)
def test_no_option_lets_malware_through(more):
    """Neither litellmVersion nor modulePath lets malware through, in chart or toolkit."""
    (index, release) = next(iter(releases.load().malicious_images.items()))
    for tag in ("v1.82.7", "v1.107.0", "v1.86.2-of-1.82.8"):
        assert by_chart(tag, **more)[0] == by_toolkit(tag, **more)[0] == "malware"
        assert by_chart(tag, **more, **{"patch.enabled": "false"})[0] == "malware"
    digest = {"image.digest": index}
    assert by_chart("v1.86.2", **more, **digest) == ("malware", release)
    assert by_toolkit("v1.86.2", **more, **digest) == ("malware", release)
    named = {**more, "litellmVersion": "1.107.0"}
    assert by_chart("v1.86.2", **named) == by_toolkit("v1.86.2", **named) == ("malware", release)
