"""Each check has a topic, and an operator can ignore topics."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fakes import objects as fake
from litellm_overlay import checks
from litellm_overlay.catalogue import assessment, releases
from litellm_overlay.checks import topics
from litellm_overlay.errors import ValuesError

CATALOGUE = releases.load()
CHECKS = Path(topics.__file__).parent
# The position of the topic among the arguments of these calls.
PLACES = {"Finding": 2, "finding": 1, "idle": 1, "life": 1, "_idle": 1, "_life": 1}


def told():
    """Yield the topics in the source of the checks."""
    for path in set(CHECKS.glob("*.py")) - {CHECKS / "topics.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                given = node.args[PLACES[name] :][:1] if name in PLACES else []
                yield from (it.value for it in given if isinstance(it, ast.Constant))


def test_every_topic_is_listed():
    """TOPICS lists exactly the checks' topics and the releases' states."""
    results = set(told())
    assert len(results) > 30
    assert results | {*assessment.NEEDS_OVERLAY, releases.UNREVIEWED} == topics.TOPICS.keys()


def undrained(**annotations):
    """Return a Deployment with the overlay and without a drain."""
    deployment = fake.overlaid(terminationGracePeriodSeconds=30)
    del fake.proxy_of(deployment)["lifecycle"]
    deployment["spec"]["replicas"] = 1
    deployment["metadata"]["annotations"] = annotations
    return deployment


def sifted(*objects, ignored=()):
    """Return (topics that count, ignored topics)."""
    findings = checks.findings(objects, CATALOGUE)
    parts = topics.split_ignored(findings, objects, topics.parse_patterns(ignored))
    return tuple([item.topic for item in part] for part in parts)


@pytest.mark.parametrize(
    ("annotation", "ignored", "out"),
    [
        (None, [], []),
        ("no-drain", [], ["no-drain"]),
        ("x, no-drain ,one-replica", [], ["no-drain", "one-replica"]),
        (None, ["no-drain"], ["no-drain"]),
        (None, ["Deployment/litellm:no-drain"], ["no-drain"]),
        (None, ["deployment/llm/litellm:one-replica"], ["one-replica"]),
        (None, ["Deployment/other:no-drain"], []),
        (None, ["short-grace"], []),
    ],
)
def test_what_is_left_out(annotation, ignored, out):
    """An annotation or an option ignores topics, of all objects or of one."""
    own = {topics.ANNOTATION: annotation} if annotation else {}
    kept, left = sifted(undrained(**own), ignored=ignored)
    assert left == out
    assert sorted(kept + left) == ["no-drain", "one-replica"]


def test_malware_is_never_left_out():
    """Malware cannot be ignored, neither by annotation nor by option."""
    item = fake.stock("ghcr.io/berriai/litellm:v1.82.7")
    item["metadata"]["annotations"] = {topics.ANNOTATION: "malicious"}
    kept, left = sifted(item)
    assert "malicious" in kept
    assert left == []
    for text in ("malicious", "Deployment/litellm:malicious", "nosuch", ""):
        with pytest.raises(ValuesError, match="no topic that can be ignored"):
            topics.parse_patterns([text])
