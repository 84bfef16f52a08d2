"""Workloads that cannot be edited in place are refused with name and line."""

from __future__ import annotations

import pytest

from fakes import payloads as fake
from litellm_overlay.errors import OverlayError
from litellm_overlay.overlay import inject, pod_edits, values
from litellm_overlay.overlay.splice import Splice

PLANNER = fake.planner(values.load("name: x"))
ABOVE = "kind: Service\nmetadata: {name: x}\n---\n"  # three lines
HEAD = "kind: Deployment\nmetadata: {name: p}\nspec:\n  template:\n"
PROXY = "      - name: litellm\n        image: litellm:v1.88.6\n"
PODS = {
    "alias-as-list": (
        f"x: &v []\n{HEAD}    spec:\n      volumes: *v\n      containers:\n{PROXY}",
        "line 10: volumes is an alias, *v",
    ),
    "alias-as-template": (
        (
            "x: &t\n  spec:\n    containers:\n    - {name: litellm, image: 'litellm:v1.88.6'}\n"
            "kind: Deployment\nmetadata: {name: p}\nspec:\n  template: *t\n"
        ),
        "line 11: template is an alias, *t",
    ),
    "anchor-used-elsewhere": (
        f"{HEAD}    metadata: &m {{labels: {{a: b}}}}\n    spec:\n      containers:\n{PROXY}y: *m\n",
        "line 8: metadata is used elsewhere too, as *m",
    ),
    "merge-key": (
        f"x: &b {{volumes: []}}\n{HEAD}    spec:\n      <<: *b\n      containers:\n{PROXY}",
        "volumes comes from a merge key",
    ),
    "twice": (
        f"{HEAD}    spec:\n      volumes: []\n      volumes: []\n      containers:\n{PROXY}",
        "volumes stands there twice",
    ),
    "tagged": (
        f"{HEAD}    spec:\n      volumes: !!seq []\n      containers:\n{PROXY}",
        "line 9: volumes is no plain list",
    ),
    "of-another-type": (
        f"{HEAD}    spec:\n      volumes: x\n      containers:\n{PROXY}",
        "line 9: volumes is no plain list",
    ),
    "complex-key": (
        f"{HEAD}    spec:\n      containers:\n{PROXY}      ? nodeSelector\n      : {{a: b}}\n",
        "",
    ),
    "complex-key-first": (
        f"{HEAD}    spec:\n      ? nodeSelector\n      : {{a: b}}\n      ? containers\n      :\n{PROXY}",
        "its values would not stay",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), PODS.values(), ids=PODS)
def test_what_cannot_be_edited_is_refused_with_name_and_line(text, sentence):
    """Each text is refused with name and line, or edited and restored exactly."""
    stream = f"{ABOVE}{text}"
    if not sentence:
        assert inject.remove(inject.inject(stream, PLANNER).text) == stream
        return
    with pytest.raises(OverlayError) as refused:
        inject.inject(stream, PLANNER)
    assert refused.value.message.startswith("Deployment/p cannot be edited in place: line ")
    assert sentence in refused.value.message
    assert "without anchors" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        f"x: &a {{b: c}}\n{HEAD}    metadata: {{labels: *a}}\n    spec:\n      containers:\n{PROXY}",
        f"x: &a {{b: c}}\n{HEAD}    metadata:\n      labels: {{<<: *a}}\n    spec:\n      containers:\n{PROXY}",
        f"{HEAD}    spec:\n      containers:\n{PROXY}        env: &e [{{name: A}}]\ny: *e\n",
        f"x: &b {{nodeSelector: {{a: b}}}}\n{HEAD}    spec:\n      <<: *b\n      containers:\n{PROXY}",
        f"{HEAD}    spec: &unused\n      containers: &too\n{PROXY}",
        f"{HEAD}    spec:\n      containers:\n{PROXY}        command: !!seq [a]\n",
    ],
)
def test_anchors_and_aliases_beside_the_place_are_no_hindrance(text):
    """Anchors, aliases and comments beside the edit are kept."""
    for stream in (text, f"{ABOVE}{text}", text.replace("\n", "\r\n")):
        overlaid = inject.inject(stream, PLANNER).text
        assert inject.remove(overlaid) == stream
        assert inject.inject(overlaid, PLANNER).text == overlaid


GOOD = f"{HEAD}    spec:\n      containers:\n{PROXY}"


@pytest.fixture
def nothing_proven(monkeypatch):
    """Forget the edits that other tests have proven."""
    monkeypatch.setattr(pod_edits, "_proven", set())


def test_the_same_lines_are_read_in_full_once(nothing_proven, monkeypatch):
    """Of two similar documents the second is not parsed in full, with the same result."""
    read = []
    prove = pod_edits._prove
    monkeypatch.setattr(
        pod_edits, "_prove", lambda *given: (read.append(given[1].text), prove(*given))
    )
    alone = inject.inject(GOOD, PLANNER).text
    both = inject.inject(f"{GOOD}---\n{GOOD}", PLANNER).text
    full, first, second = read
    assert full in alone
    assert both.count(full.removeprefix("---\n")) == 2
    assert first == second.removeprefix("---\n")
    assert len(first) < len(full) / 3


def test_other_lines_are_read_in_full(nothing_proven, monkeypatch):
    """An edit with other lines is parsed in full, so a faulty one is found."""
    insert = Splice._insert

    def forgetful(self, at, lines, column, depth):
        insert(self, at, "\n".join(lines.split("\n")[:-1]) or lines, column, depth)

    monkeypatch.setattr(Splice, "_insert", forgetful)
    with pytest.raises(OverlayError, match="its values would not stay"):
        inject.inject(GOOD, PLANNER)


def test_each_document_is_read(nothing_proven, monkeypatch):
    """An edit at a wrong place is found in every document."""
    assert inject.inject(GOOD, PLANNER)
    end_of = Splice._end_of
    monkeypatch.setattr(Splice, "_end_of", lambda self, node: (0, end_of(self, node)[1]))
    with pytest.raises(OverlayError, match="its values would not stay"):
        inject.inject(GOOD, PLANNER)
