"""`doctor` finds nothing in the rendered chart, except for what a case intends."""

from __future__ import annotations

import pytest

from support import deserved, helm

TABLE = deserved.table(helm.CHART / "ci" / "findings.yaml")


def name(path):
    return path.name.removesuffix("-values.yaml")


@pytest.mark.parametrize("case", helm.CI, ids=name)
def test_what_helm_renders(case):
    """Doctor's topics for each case are those of the chart's ci/findings.yaml."""
    objects = helm.objects("--values", case).values()
    assert deserved.found(objects) == sorted(TABLE.get(name(case), {}))


def test_each_row_has_a_case():
    """Every row of ci/findings.yaml belongs to an existing case."""
    assert TABLE.keys() <= set(map(name, helm.CI))
