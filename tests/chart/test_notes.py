"""What Helm says after an installation. Helm renders it only with a cluster, so it goes in as a file."""

from __future__ import annotations

import shutil

import pytest
import yaml

from fakes import helm


@pytest.fixture
def notes(tmp_path):
    """Return a way to render NOTES.txt for values."""
    chart = tmp_path / "chart"
    shutil.copytree(helm.CHART, chart)
    text = (chart / "templates" / "NOTES.txt").read_text()
    wrapped = (
        f'{{{{ define "notes" }}}}{text}{{{{ end }}}}notes: {{{{ include "notes" . | quote }}}}'
    )
    (chart / "templates" / "notes.yaml").write_text(wrapped)

    def render(*arguments):
        only = ("--show-only", "templates/notes.yaml")
        return yaml.safe_load(helm.template(*helm.LEAST, *arguments, *only, chart=chart))["notes"]

    return render


def test_the_decision_and_the_next_steps(notes):
    """What runs, how to see the guard's decision, how to test, how to undo."""
    said = notes()
    assert said.startswith("LiteLLM 1.88.6 with overlay 2.0.0, mode websocket.")
    for command in (
        "kubectl --namespace llm get pods",
        "helm test litellm --namespace llm",
        "--reset-then-reuse-values --set patch.enabled=false",
        "helm uninstall litellm --namespace llm",
    ):
        assert command in said


def test_a_refused_pod_shows_why(notes):
    """It is then in back-off: its message has moved to the last state, and the first may be a mesh's."""
    asked = '.initContainerStatuses[?(@.name=="litellm-overlay")]..terminated.message}'
    assert asked in notes()


def test_a_release_that_is_fixed_by_half(notes):
    """1.89: Codex connects, but can hang; nobody is sent there."""
    said = notes("--set", "image.tag=v1.89.0")
    assert "changes nothing in it, in any mode.\nCodex can still hang on it" in said
    assert "1.90.0" in said
    assert "you may go without" not in said


def test_advisories_are_named_each_time(notes):
    """The overlay mends a protocol, not a release with known holes."""
    assert "WARNING: LiteLLM 1.82.3 has published security problems" in (
        said := notes("--set", "image.tag=v1.82.3")
    )
    assert "CVE-2026-42208" in said


def test_a_fixed_release(notes):
    """The overlay is not needed, and the notes say so."""
    assert "you may go without" in notes("--set", "image.tag=v1.90.0")
    assert "you may go without" not in notes()


def test_without_the_overlay_or_without_a_known_release(notes):
    """Both render."""
    assert notes("--set", "patch.enabled=false").startswith("LiteLLM without the overlay")
    path = "modulePath=/opt/litellm/endpoints.py"
    assert "(release not known)" in notes("--set", f"image.tag=stable,{path}")
