"""Every folder in tests/golden is a case: its values.yaml must render to its expected files.

`expected.FORMAT.yaml` names the format; with `input.yaml` it is `expected.inject.yaml`. To rewrite
them: pytest --update-golden, then read the difference.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from fakes import payloads as fake
from litellm_overlay.overlay import chart_values, formats, inject, plan, values

GOLDEN = Path(__file__).parents[3] / "golden"
EXPECTED = sorted(GOLDEN.glob("*/expected.*.yaml"))


def name(path):
    """Return the test id of a case."""
    return f"{path.parent.name}-{path.suffixes[0][1:]}"


def produce(case, format_):
    """Return the output of a format for a case; kustomize's files are joined."""
    planner = fake.planner(formats.adapt(format_, values.load((case / "values.yaml").read_text())))
    if format_ == "inject":
        return inject.inject((case / "input.yaml").read_text(), planner).text
    if format_ == "payload":
        return formats.payload(planner)["payload.yaml"]
    chart = None
    if format_ in formats.CHARTS:
        mine = values.read_mapping((case / "chart-values.yaml").read_text(), "mine")
        chart, proxy = chart_values.read(formats.CHARTS[format_], mine, planner.values)
    else:
        proxy = plan.from_values(planner.values)
    files = formats.make(format_, planner, planner.plan(proxy), chart)
    if len(files) == 1:
        return next(iter(files.values()))
    return "".join(f"--- # {name}\n{text}" for name, text in files.items())


@pytest.mark.parametrize("path", EXPECTED, ids=name)
def test_rendered_as_expected(path, request):
    """The output equals the expected file byte for byte, and is YAML."""
    text = produce(path.parent, path.suffixes[0][1:])
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert text == path.read_text()
    assert any(yaml.safe_load_all(text))


@pytest.mark.parametrize("path", EXPECTED, ids=name)
def test_rendered_twice_is_the_same(path):
    """Rendering twice gives the same text."""
    assert produce(path.parent, path.suffixes[0][1:]) == produce(path.parent, path.suffixes[0][1:])


def test_one_case_has_every_value():
    """The case `everything` sets every value to another than its default."""
    operator_values = values.load((GOLDEN / "everything" / "values.yaml").read_text())
    default = values.OverlayValues()
    same = {
        item.name
        for item in dataclasses.fields(operator_values)
        if getattr(operator_values, item.name) == getattr(default, item.name)
    }
    assert same == set()


def test_every_case_expects_something():
    """Every folder has expected files."""
    assert {path.parent for path in EXPECTED} == set(GOLDEN.iterdir())


@pytest.mark.parametrize("kubernetes", ["1.32", "1.33", "1.34", "1.35", "1.36", "1.37"])
@pytest.mark.parametrize(
    "path",
    [*GOLDEN.glob("*/expected.manifests.yaml"), *GOLDEN.glob("*/expected.inject.yaml")],
    ids=name,
)
def test_the_api_of_the_last_two_years_takes_the_manifests(path, kubernetes):
    """The manifests are valid for the Kubernetes versions, without unknown fields."""
    for item in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(item, kubernetes, strict=True)
