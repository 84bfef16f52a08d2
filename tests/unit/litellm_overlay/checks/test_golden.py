"""`doctor` finds nothing in the toolkit's own output, except for what a case intends.

`findings.yaml` beside the case has the expected topics and the reasons.
"""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from fakes import objects as fake
from support import deserved

TESTS = Path(__file__).parents[3]
GOLDEN = sorted(TESTS.glob("golden/*/expected.*.yaml"))
CHART = sorted(TESTS.glob("chart/golden/*.yaml"))
CI = TESTS.parent / "charts" / "litellm-overlay" / "ci" / "findings.yaml"


def theirs(image, **container):
    """Return an operator's Deployment without faults, except for the image's defect."""
    deployment = fake.overlaid()
    del deployment["metadata"]["namespace"]
    spec = fake.pod_of(deployment)
    del spec["initContainers"], spec["volumes"]
    del spec["containers"][0]["volumeMounts"]
    spec["containers"][0] |= {"image": image, **container}
    return deployment


def merged(base, patch):
    """Return a strategic merge patch applied to an object: lists by name, item by item."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return {**base, **{key: merged(base.get(key), patch[key]) for key in patch}}
    if isinstance(base, list) and isinstance(patch, list) and isinstance(patch[0], dict):
        named = {item["name"]: item for item in base}
        for item in patch:
            named[item["name"]] = merged(named.get(item["name"]), item)
        return list(named.values())
    return patch


def patched(objects):
    """Yield the objects, with each Deployment merged as a patch over an operator's."""
    for item in objects:
        if item["kind"] == "Deployment":
            pod = fake.pod_of(item)
            name = pod["containers"][0]["name"]
            yield merged(theirs(pod["initContainers"][0]["image"], name=name), item)
        else:
            yield item


def charted(values):
    """Yield what LiteLLM's chart makes of values: a Deployment, the migrations Job, resources."""
    own = values.get("gateway", values)
    deployment = theirs(
        f"{own['image']['repository']}:{own['image']['tag']}", volumeMounts=own["volumeMounts"]
    )
    spec = fake.pod_of(deployment)
    spec["volumes"] = own["volumes"]
    if "migrationJob" in values:
        yield fake.workload(
            {
                **copy.deepcopy(spec),
                "initContainers": values["migrationJob"]["extraInitContainers"],
            },
            "Job",
        )
    spec["initContainers"] = own["extraInitContainers"]
    yield deployment
    yield from values["extraResources"]


def objects_of(path):
    """Return the objects that reach a cluster by a golden file."""
    kind = path.suffixes[0]
    documents = [item for item in yaml.safe_load_all(path.read_text()) if item]
    if kind.endswith("-values"):
        return [*charted(documents[0])]
    return [*patched(documents)] if kind in (".patch", ".kustomize") else documents


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}{path.suffixes[0]}")
def test_what_render_and_inject_give(path):
    """The golden files of render and inject have the expected topics of every severity."""
    expected = deserved.table(path.with_name("findings.yaml"))
    assert deserved.found(objects_of(path)) == sorted(expected)


@pytest.mark.parametrize("path", CHART, ids=lambda path: path.stem)
def test_what_the_chart_gives(path):
    """The chart's golden files have them; tests/chart tests Helm's current output."""
    expected = deserved.table(CI).get(path.stem, {})
    objects = [item for item in yaml.safe_load_all(path.read_text()) if item]
    assert deserved.found(objects) == sorted(expected)


def test_what_reaches_a_cluster_has_a_proxy():
    """Every golden file except the payloads has a Deployment, so that doctor sees something."""
    blind = {
        path.name
        for path in GOLDEN
        if not any(item["kind"] == "Deployment" for item in objects_of(path))
    }
    assert blind == {"expected.payload.yaml"}


def test_a_proxy_without_the_overlay_is_seen():
    """The operator's Deployment alone is affected."""
    assert deserved.found([theirs(fake.IMAGE)]) == ["affected"]
