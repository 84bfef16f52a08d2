"""The chart and `litellm-overlay render` say the same overlay: two doors, one room."""

from __future__ import annotations

import json

import pytest
import yaml

from fakes import helm
from litellm_overlay import catalogue, plan, render, values

SHARED = [
    "image",
    "litellmVersion",
    "modulePath",
    "onUnknown",
    "patch",
    "initResources",
    "env",
    "securityContext",
    "podSecurityContext",
]
DEFAULTS = yaml.safe_load((helm.CHART / "values.yaml").read_text())
PATCHED = [path for path in helm.CI if path.name != "stock-values.yaml"]


def merged(defaults, given):
    """Return values as Helm merges them: maps key by key, null takes a default away."""
    if not (isinstance(defaults, dict) and isinstance(given, dict)):
        return given
    result = {**defaults, **{key: merged(defaults.get(key), given[key]) for key in given}}
    return {key: value for key, value in result.items() if value is not None}


def rendered(case, name):
    """Return the toolkit's overlay: init containers, volumes, mounts and annotations."""
    every = merged(DEFAULTS, yaml.safe_load(case.read_text()))
    mine = {key: every[key] for key in SHARED if key in every}
    mine["patch"] = {**mine["patch"], "drainFile": "/litellm-overlay/drain/now"}
    del mine["patch"]["enabled"]
    given = values.load(yaml.safe_dump(mine), name=name)
    known = catalogue.load()
    overlay = plan.make(given, plan.from_values(given), known, plan.payloads(given.name, known))
    fragment = render.fragment(overlay)
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
    """Return an init container whose plan is an object: JSON's spelling does not matter."""
    plan_entry, *others = container["env"]
    assert plan_entry["name"] == "LITELLM_OVERLAY_PLAN"
    return {**container, "env": [json.loads(plan_entry["value"]), *others]}


@pytest.mark.parametrize("case", PATCHED, ids=lambda path: path.name)
def test_the_pod_has_what_the_toolkit_renders(case):
    """Init container first of all, volumes, mount and annotations: equal as objects."""
    deployment = helm.of_kind("Deployment", "--values", case)
    template = deployment["spec"]["template"]
    pod = template["spec"]
    ((guard,), volumes, (mount,), annotations) = rendered(case, deployment["metadata"]["name"])
    assert with_parsed_plan(pod["initContainers"][0]) == with_parsed_plan(guard)
    assert [item for item in volumes if item not in pod["volumes"]] == []
    assert mount in pod["containers"][0]["volumeMounts"]
    assert annotations.items() <= template["metadata"]["annotations"].items()


def test_the_payloads_are_the_toolkits():
    """The same ConfigMaps: name, content, digest and the labels that `inject` knows them by."""
    items = helm.objects(*helm.LEAST)
    for payload in plan.payloads("litellm", catalogue.load()):
        (expected,) = yaml.safe_load_all(
            render.render("payload.yaml.j2", payloads=[payload], namespace=None)
        )
        item = items["ConfigMap", payload.name]
        assert item["data"] == expected["data"]
        assert item["metadata"]["annotations"] == expected["metadata"]["annotations"]
        labels = expected["metadata"]["labels"]
        assert labels.items() <= item["metadata"]["labels"].items()
