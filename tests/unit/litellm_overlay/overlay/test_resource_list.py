"""A KRM function's stream: one ResourceList in and out, in any style.

tests/chart/test_ways.py runs it with kustomize.
"""

from __future__ import annotations

import json

import pytest
import yaml

from litellm_overlay.errors import OverlayError, ValuesError
from litellm_overlay.overlay import resource_list, values
from litellm_overlay.overlay.inject import inject
from litellm_overlay.overlay.plan import Planner

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "proxy", "annotations": {"size": "1e3", "on": "y"}},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "litellm", "image": "ghcr.io/berriai/litellm:v1.88.6"},
                ]
            }
        }
    },
}
LIST = {
    "apiVersion": "config.kubernetes.io/v1",
    "kind": "ResourceList",
    "items": [DEPLOYMENT, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}],
    "functionConfig": {"kind": "Inject", "spec": {"patch": {"version": "1.0.0"}}},
}
STYLES = {
    "block": yaml.safe_dump(LIST, sort_keys=False),
    "with a marker": "---\n" + yaml.safe_dump(LIST, sort_keys=False),
    "items last": yaml.safe_dump(LIST, sort_keys=True),
    "JSON": json.dumps(LIST),
    "JSON on lines": json.dumps(LIST, indent=2) + "\n",
}


def run(text):
    """Return the function's output for a stream."""
    asked = resource_list.values_in(text)
    assert asked is not None
    return resource_list.fold(inject(text, Planner.from_values(values.load(asked))).text)


@pytest.mark.parametrize("style", STYLES)
def test_one_list_out(style):
    """The list gets our ConfigMaps after its items; all else stays, also `functionConfig`."""
    made = run(STYLES[style])
    (data,) = [each for each in yaml.safe_load_all(made) if each]
    assert data["kind"] == "ResourceList"
    assert data["functionConfig"] == LIST["functionConfig"]
    deployment, mine, *payloads = data["items"]
    assert mine == LIST["items"][1]
    assert deployment["metadata"] == DEPLOYMENT["metadata"]
    (guard,) = deployment["spec"]["template"]["spec"]["initContainers"]
    assert '"patchVersion":"1.0.0"' in guard["env"][0]["value"]
    names = [item["metadata"]["name"] for item in payloads]
    assert [name.split("-")[2] for name in names] == ["1.0.0", "2.0.0"]
    assert made.startswith("---\n") is STYLES[style].startswith("---\n")


@pytest.mark.parametrize("style", STYLES)
def test_twice_is_once(style):
    """Running twice equals running once, without a second payload."""
    once = run(STYLES[style])
    assert yaml.safe_load(run(once)) == yaml.safe_load(once)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (yaml.safe_dump(DEPLOYMENT), None),
        (STYLES["block"] + "---\n" + yaml.safe_dump(DEPLOYMENT), None),
        (yaml.safe_dump({**LIST, "apiVersion": "example.com/v1"}), None),
        (yaml.safe_dump({**LIST, "functionConfig": None}), {}),
        (yaml.safe_dump({**LIST, "functionConfig": {"kind": "Inject"}}), {}),
        (STYLES["JSON"], {"patch": {"version": "1.0.0"}}),
        ("# ResourceList\n", None),
    ],
)
def test_what_it_asks_for(text, found):
    """The values come from `functionConfig.spec`; other streams have none."""
    asked = resource_list.values_in(text)
    assert (None if asked is None else json.loads(asked)) == found


@pytest.mark.parametrize("config", [{"spec": ["x"]}, {"spec": "x"}, ["x"], "x"])
def test_what_is_no_configuration(config):
    """A `functionConfig` that is no mapping is refused."""
    with pytest.raises(ValuesError, match="must be a mapping"):
        resource_list.values_in(yaml.safe_dump({**LIST, "functionConfig": config}))


def test_comments_beside_the_list():
    """Comments in their own documents stay."""
    made = run("# above\n---\n" + STYLES["block"] + "---\n# below\n")
    assert made.startswith("# above\n---\napiVersion: config.kubernetes.io/v1\n")
    assert made.endswith("---\n# below\n")
    (data,) = [each for each in yaml.safe_load_all(made) if each]
    assert len(data["items"]) == 4


def test_items_that_take_none():
    """A list that cannot be edited in place is refused."""
    with pytest.raises(OverlayError, match="ResourceList cannot be edited in place: items is"):
        run(STYLES["block"].replace("items:\n", "items: !!seq\n"))
