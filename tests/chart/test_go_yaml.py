"""Kubernetes reads every value of a manifest alike before and after `inject`.

Our own reader could hide its own mistakes. So these tests use Kubernetes' parser,
`sigs.k8s.io/yaml`, in a Go program (yaml_to_json).
tests/unit/litellm_overlay/overlay/test_inject_readers.py uses readers of YAML 1.1 and 1.2.
"""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path

import pytest

import tools
from fakes import payloads as fake
from litellm_overlay.overlay import inject, values
from support import styles

PLANNER = fake.planner(values.load("name: x"))
GOLDEN = Path(__file__).parents[1] / "golden"
OURS = {"litellm-overlay", "litellm-overlay-payload", "litellm-overlay-output"}


def read(streams):
    """Return each stream's documents, or a string with its error."""
    program = tools.path_of("yaml-to-json")
    done = subprocess.run(
        [program], input=json.dumps(streams), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def bare(data):
    """Return data without the overlay, and without empty values, which `inject` may have filled."""
    if isinstance(data, list):
        kept = (it for it in data if not (isinstance(it, dict) and it.get("name") in OURS))
        return [bare(item) for item in kept]
    if not isinstance(data, dict):
        return data
    pairs = ((key, bare(value)) for key, value in data.items())
    return {
        key: value
        for key, value in pairs
        if value not in ({}, [], None) and not key.startswith("litellm-overlay/")
    }


def without_payloads(documents):
    """Return the documents without the payloads' ConfigMaps."""
    return [
        item
        for item in documents
        if item.get("metadata", {}).get("name", "").rpartition("-2.0.0")[0] != "x"
        and item.get("metadata", {}).get("name", "").rpartition("-1.0.0")[0] != "x"
    ]


def test_every_value_stays_what_it_was_for_kubernetes():
    """500 inputs in every style keep their values; few are unreadable from the start."""
    texts = [styles.text(seed) for seed in range(500)]
    before = read(texts)
    after = read([inject.inject(text, PLANNER).text for text in texts])
    unread = [seed for seed, results in enumerate(before) if isinstance(results, str)]
    assert len(unread) < 25, [before[seed] for seed in unread]
    for seed, (old, new) in enumerate(zip(before, after, strict=True)):
        if seed not in unread:
            assert not isinstance(new, str), (seed, new)
            assert bare(without_payloads(new)) == bare(old), seed


def test_the_overlay_is_what_kubernetes_reads():
    """Kubernetes reads the overlay's values with their types, such as a mode and a boolean."""
    for new in read([inject.inject(styles.text(seed), PLANNER).text for seed in range(60)]):
        if isinstance(new, str):
            continue
        (workload,) = (
            item
            for document in new
            for item in document.get("items", [document])
            if item["kind"] == "Deployment"
        )
        pod = workload["spec"]["template"]["spec"]
        payload, output = pod["volumes"][-2:]
        assert payload["configMap"]["defaultMode"] == 0o444
        assert output["emptyDir"] == {"sizeLimit": "4Mi"}
        (proxy,) = (item for item in pod["containers"] if item["name"] == "litellm")
        assert proxy["volumeMounts"][-1]["readOnly"] is True
        plan = pod["initContainers"][0]["env"][0]["value"]
        assert json.loads(plan)["modulePath"] == proxy["volumeMounts"][-1]["mountPath"]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("inject-*/input.yaml")), ids=str)
def test_the_goldens_keep_their_values(path):
    """The inputs of the goldens keep their values."""
    text = path.read_text()
    own = fake.planner(values.load((path.parent / "values.yaml").read_text() + "\nname: x\n"))
    old, new = read([text, inject.inject(text, own).text])
    assert bare(without_payloads(new)) == bare(old)


def test_a_value_that_changed_would_be_seen():
    """The comparison notices a changed value."""
    (old,) = read(["spec: {a: '1e3', list: [x]}\nkind: Deployment"])
    new = copy.deepcopy(old)
    new[0]["spec"]["a"] = 1000
    assert bare(new) != bare(old)
