"""`inject` on manifests that nobody thought of: any order of keys, indentation, blank and comment."""

from __future__ import annotations

import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fakes import payloads as fake
from litellm_overlay import catalogue, inject, plan, values

KNOWN, VALUES = catalogue.load(), values.load("")
PAYLOADS = fake.small("x", KNOWN)
TEXTS = st.sampled_from(["a", "a\nb\n", "a\n\n  b: c\n---\n", "# no: comment\n\n\n"])
EMPTY = st.sampled_from([None, []])
VOLUMES = EMPTY | st.just([{"name": "a", "emptyDir": {}}])
MOUNTS = EMPTY | st.just([{"name": "a", "mountPath": "/a"}])


def mappings(required, optional):
    """Draw mappings whose keys stand in any order."""
    drawn = st.fixed_dictionaries(required, optional=optional)
    return drawn.flatmap(lambda it: st.permutations(list(it.items())).map(dict))


def containers(name, image):
    """Draw containers."""
    more = {"command": st.lists(TEXTS, max_size=2), "volumeMounts": MOUNTS, "env": EMPTY}
    return mappings({"name": st.just(name), "image": st.just(image)}, more)


INITS = EMPTY | st.lists(containers("wait", "litellm:v1.88.6"), min_size=1, max_size=1)
PODS = mappings(
    {
        "containers": st.permutations(["litellm", "side"]).flatmap(
            lambda names: st.tuples(*(containers(it, f"{it}:v1.88.6") for it in names)).map(list)
        )
    },
    {"volumes": VOLUMES, "initContainers": INITS, "restartPolicy": st.just("Always")},
)
ANNOTATIONS = st.none() | st.just({}) | st.dictionaries(st.just("a"), TEXTS)
METADATA = st.none() | mappings({}, {"annotations": ANNOTATIONS, "labels": st.just({"a": "b"})})
WORKLOADS = mappings({"spec": PODS}, {"metadata": METADATA}).map(
    lambda template: {
        "kind": "Deployment",
        "metadata": {"name": "p"},
        "spec": {"template": template},
    }
)


class Dumper(yaml.SafeDumper):
    """Indents lists below their keys, as people do, and writes texts as blocks."""

    deep = True

    def ignore_aliases(self, data):
        return True

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, indentless and not self.deep)


Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def reads_as(text, data):
    """Say whether a text is YAML of this data."""
    try:
        return yaml.safe_load(text) == data
    except yaml.YAMLError:
        return False


@st.composite
def manifests(draw):
    """Draw a workload as text, with comments and blank lines where they change no data."""
    data = draw(WORKLOADS)
    Dumper.deep = draw(st.booleans())
    lines = yaml.dump(data, Dumper=Dumper, sort_keys=False).splitlines(keepends=True)
    for at in sorted(draw(st.sets(st.integers(0, len(lines)), max_size=4)), reverse=True):
        tried = [*lines[:at], draw(st.sampled_from(["\n", "# c\n", "        # c\n"])), *lines[at:]]
        if reads_as("".join(tried), data):
            lines = tried
    return draw(st.sampled_from(["", "---\n"])) + "".join(lines)


def run(text):
    """Inject; return the text."""
    return inject.inject(text, lambda it: plan.make(VALUES, it, KNOWN, PAYLOADS), PAYLOADS).text


def without_empty(data):
    """Return data without empty lists, mappings and nulls, which removal does not bring back."""
    if isinstance(data, dict):
        pairs = ((key, without_empty(value)) for key, value in data.items())
        return {key: value for key, value in pairs if value not in ({}, [], None)}
    return [without_empty(item) for item in data] if isinstance(data, list) else data


# Without shrinking, which takes minutes here; the manifests are small.
@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(manifests())
def test_twice_is_once_and_removal_undoes(text):
    """The overlay is whole, a second run changes nothing, and removal leaves the data as it was."""
    overlaid = run(text)
    *_, workload = yaml.safe_load_all(overlaid)
    template = workload["spec"]["template"]
    assert template["metadata"]["annotations"][plan.VERSION_ANNOTATION] == "2.0.0"
    assert template["spec"]["initContainers"][0]["name"] == plan.INIT_CONTAINER
    names = [item["name"] for item in template["spec"]["volumes"]]
    assert names[-2:] == [plan.PAYLOAD_VOLUME, plan.OUTPUT_VOLUME]
    mounts = {it["name"]: it.get("volumeMounts") or [] for it in template["spec"]["containers"]}
    assert [it["name"] for it in mounts["litellm"]][-1] == plan.OUTPUT_VOLUME
    assert plan.OUTPUT_VOLUME not in [it["name"] for it in mounts["side"]]
    assert run(overlaid) == overlaid
    restored = inject.remove(overlaid)
    assert without_empty(yaml.safe_load(restored)) == without_empty(yaml.safe_load(text))
    assert run(restored) == overlaid
    # Some comments go: with an item that is written anew, and inside metadata that held nothing else
    # than empty annotations.
    if not any(it in text for it in ("- volumeMounts: ", "annotations: {}", "annotations: null")):
        assert restored.count("# c\n") == text.count("# c\n")
