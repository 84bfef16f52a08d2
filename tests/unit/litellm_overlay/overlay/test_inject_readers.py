"""Readers of YAML 1.1 and 1.2 each see the same values before and after `inject`."""

from __future__ import annotations

import pytest
import yaml
from ruamel.yaml import YAML

from fakes import payloads as fake
from litellm_overlay.overlay import inject, values
from support import styles

PLANNER = fake.planner(values.load("name: x"))
OURS = {"litellm-overlay", "litellm-overlay-payload", "litellm-overlay-output"}
WORKLOAD = """\
kind: Deployment
metadata: {{name: x, labels: {{a: {0}, b: "{0}"}}}}
spec:
  template:
    metadata: {{labels: {{c: '{0}'}}}}
    spec:
      containers:
      - {{name: litellm, image: "litellm:v1.88.6", env: [{{name: A, value: "{0}"}}, {{name: B, value: {0}}}]}}
"""
PLAIN = [
    "1e3",
    "1.5e3",
    "12e5",
    "0o17",
    "017",
    "08",
    "y",
    "n",
    "Y",
    "N",
    "yes",
    "off",
    "true",
    "null",
    "~",
    "0x1F",
    "1_000",
    "12:30:45",
    "2001-02-03",
]


def read_1_1(text):
    """Return the documents as YAML 1.1 reads them."""
    return list(yaml.safe_load_all(text))


def read_1_2(text):
    """Return the documents as YAML 1.2 reads them."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return list(reader.load_all(text))


def bare(data):
    """Return data without the overlay and without empty values."""
    if isinstance(data, list):
        return [
            bare(item) for item in data if not (isinstance(item, dict) and item.get("name") in OURS)
        ]
    if not isinstance(data, dict):
        return data
    pairs = ((key, bare(value)) for key, value in data.items())
    return {
        key: value
        for key, value in pairs
        if value not in ({}, [], None) and not str(key).startswith("litellm-overlay/")
    }


@pytest.mark.parametrize("read", [read_1_1, read_1_2])
@pytest.mark.parametrize("word", PLAIN)
def test_a_word_that_readers_take_for_different_things_stays_one(word, read):
    """An ambiguous word beside the overlay keeps its value for each reader."""
    text = WORKLOAD.format(word)
    overlaid = inject.inject(text, PLANNER).text
    *_, after = read(overlaid)
    (before,) = read(text)
    assert bare(after) == bare(before)
    assert repr(bare(after)) == repr(bare(before))  # True is not 1
    assert after["metadata"]["labels"]["b"] == word
    assert inject.remove(overlaid) == text


def texts():
    """Return {seed: text} in all styles, except JSON that is no YAML."""
    every = {seed: styles.text(seed).removeprefix("\ufeff") for seed in range(0, 120, 3)}
    return {
        seed: text for seed, text in every.items() if "{\n\t" not in text and "\\ud8" not in text
    }


@pytest.mark.parametrize("read", [read_1_1, read_1_2])
@pytest.mark.parametrize("text", texts().values(), ids=map(str, texts()))
def test_any_style_stays_the_same(text, read):
    """Texts in every style keep their values; tests/chart/test_go_yaml.py asks Kubernetes."""
    overlaid = inject.inject(text, PLANNER).text
    after = [item for item in read(overlaid) if item and item["kind"] != "ConfigMap"]
    before = [item for item in read(text) if item]
    assert [repr(bare(item)) for item in after] == [repr(bare(item)) for item in before]
