"""The chart, rendered, has nothing that our own `doctor` would find, but what a case means to show."""

from __future__ import annotations

import pytest

from support import deserved, helm

TABLE = deserved.table(helm.CHART / "ci" / "findings.yaml")


def name(path):
    return path.name.removesuffix("-values.yaml")


@pytest.mark.parametrize("case", helm.CI, ids=name)
def test_what_helm_renders(case):
    """Every severity, nothing left out; the reasons stand in the chart's ci/findings.yaml."""
    objects = helm.objects("--values", case).values()
    assert deserved.found(objects) == sorted(TABLE.get(name(case), {}))


def test_each_row_has_a_case():
    """A case that went takes its row along."""
    assert TABLE.keys() <= set(map(name, helm.CI))
