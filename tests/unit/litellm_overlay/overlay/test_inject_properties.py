"""`inject` on 500 generated manifests in every style (support/styles.py)."""

from __future__ import annotations

import json

import pytest
import yaml

from fakes import payloads as fake
from litellm_overlay.names import INIT_CONTAINER, OUTPUT_VOLUME, PAYLOAD_VOLUME, VERSION_ANNOTATION
from litellm_overlay.objects import yaml_tree
from litellm_overlay.objects.manifests import documents
from litellm_overlay.overlay import inject, values
from support import styles

PLANNER = fake.planner(values.load("name: x"))
GROUPS = 20
OF_EACH = 25


def workloads(text):
    """Return the workloads of a stream as data."""
    results = [yaml_tree.load(each) for each in documents(text.removeprefix("\ufeff"))]
    listed = (item for each in results if each for item in each.get("items", [each]))
    return [item for item in listed if item["kind"] == "Deployment"]


def names(items):
    """Return the names in a list that may be missing or null."""
    return [item["name"] for item in items or []]


@pytest.mark.parametrize("group", range(GROUPS))
def test_injected_and_removed_is_the_original_to_the_byte(group):
    """The overlay is complete, neighbours are unchanged, and removal restores the exact text."""
    for seed in range(group * OF_EACH, (group + 1) * OF_EACH):
        text = styles.text(seed)
        overlaid = inject.inject(text, PLANNER).text
        (before,), (after,) = workloads(text), workloads(overlaid)
        template = after["spec"]["template"]
        assert template["metadata"]["annotations"][VERSION_ANNOTATION] == "2.0.0", seed
        assert names(template["spec"]["initContainers"])[0] == INIT_CONTAINER, seed
        assert names(template["spec"]["volumes"])[-2:] == [PAYLOAD_VOLUME, OUTPUT_VOLUME], seed
        mounts = {
            it["name"]: names(it.get("volumeMounts")) for it in template["spec"]["containers"]
        }
        assert [name for name, mine in mounts.items() if OUTPUT_VOLUME in mine] == ["litellm"], seed
        assert after["metadata"] == before["metadata"], seed
        assert inject.inject(overlaid, PLANNER).text == overlaid, seed
        assert inject.remove(overlaid) == text, seed


def test_the_styles_are_all_there():
    """The generated texts include every style."""
    texts = [styles.text(seed) for seed in range(GROUPS * OF_EACH)]
    for sign in (
        "\r\n",
        "\ufeff",
        "{\n\t",
        '{"',
        " &a1",
        "# why",
        "- {",
        ": [",
        " |",
        "NULL",
        "[]",
    ):
        assert sum(sign in text for text in texts) > 5, sign
    assert sum(not text.endswith("\n") for text in texts) > 50


@pytest.mark.parametrize("seed", range(0, 500, 25))
def test_both_parsers_see_the_same(seed, monkeypatch):
    """The parser of libyaml and Python's own give the same result."""
    text = styles.text(seed)
    overlaid = inject.inject(text, PLANNER).text
    monkeypatch.setattr(yaml_tree, "_Loader", yaml.SafeLoader)
    assert inject.inject(text, PLANNER).text == overlaid
    assert inject.remove(overlaid) == text


@pytest.mark.parametrize("layout", [{"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}])
def test_json_that_a_program_wrote_anew_loses_the_overlay_all_the_same(layout):
    """In JSON that another program rewrote, the overlay is still removed, judged by the data."""
    for seed in range(40):
        data = {**styles.workload(styles.random.Random(seed)), "kind": "Deployment"}
        overlaid = inject.inject(json.dumps(data), PLANNER).text
        *_, last = documents(overlaid)
        again = json.dumps(yaml_tree.load(last), **layout)
        bare = json.loads(inject.remove(again))
        assert OUTPUT_VOLUME not in json.dumps(bare)
        assert bare["metadata"] == data["metadata"]
        assert names(bare["spec"]["template"]["spec"]["containers"]) == names(
            data["spec"]["template"]["spec"]["containers"]
        )


@pytest.mark.parametrize("text", ["🙂", "a\\🙂🙂b", '"🙂', "\\\\🙂\\", "🙂  x"])
@pytest.mark.parametrize("layout", [{"indent": "\t"}, {}], ids=str)
def test_json_may_write_a_character_in_two_halves(text, layout):
    """JSON with a character as two surrogates is accepted."""
    data = styles.workload(styles.random.Random(1))
    data["metadata"]["labels"] = {"x": text}
    written = json.dumps(data, **layout)
    assert "\\ud83d\\ude42" in written
    overlaid = inject.inject(written, PLANNER).text
    assert inject.remove(overlaid) == written
    (after,) = workloads(overlaid)
    assert after["metadata"]["labels"] == {"x": text}
