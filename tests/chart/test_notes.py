"""The chart's NOTES.txt, rendered as a template, since Helm shows it only with a cluster."""

from __future__ import annotations

import shutil

import pytest
import yaml

from litellm_overlay.catalogue import releases
from support import helm


@pytest.fixture
def notes(tmp_path):
    """Return a function that renders NOTES.txt for values."""
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
    """The notes say what runs, and how to see the guard's decision, to test, and to undo."""
    text = notes()
    assert text.startswith("LiteLLM 1.88.6 with overlay 2.0.0, mode websocket.")
    for command in (
        "kubectl --namespace llm get pods",
        "helm test litellm --namespace llm",
        "--reset-then-reuse-values --set patch.enabled=false",
        "helm uninstall litellm --namespace llm",
    ):
        assert command in text


def test_a_refused_pod_shows_why(notes):
    """The notes' command finds the guard's message by name, also in its last state.

    A refused pod is in back-off, and its first init container may be a service mesh's.
    """
    asked = '.initContainerStatuses[?(@.name=="litellm-overlay")]..terminated.message}'
    assert asked in notes()


def test_a_release_that_is_fixed_by_half(notes):
    """1.89 is patched like an affected release."""
    text = notes("--set", "image.tag=v1.89.0")
    assert text.startswith("LiteLLM 1.89.0 with overlay 2.0.0, mode websocket.")
    assert "needs no overlay" not in text


@pytest.mark.parametrize(
    ("tag", "last"), [("v1.999.0", "1.110.2"), ("v1.109.99", "1.109.3"), ("v1.88.7", "1.88.6")]
)
def test_a_newer_release(notes, tag, last):
    """A release newer than the catalogue gets a warning, and the guard decides."""
    text = notes("--set", f"image.tag={tag}")
    assert (
        f"WARNING: LiteLLM {tag[1:]} is newer than the last that this chart knows, {last}:" in text
    )
    assert "The guard decides by the file" in text


def test_a_tag_against_the_value(notes):
    """A tag that contradicts litellmVersion gets a warning; a tag without a version does not."""
    assert "WARNING: image.tag says LiteLLM 1.88.6, litellmVersion says 1.86.2." in notes(
        "--set", "image.tag=v1.88.6,litellmVersion=1.86.2"
    )
    for tag in ("prod", "v1.86.2", "v1.86.2-acme", "2026.11.26"):
        assert "WARNING" not in notes("--set", f"image.tag={tag},litellmVersion=1.86.2")


def test_a_module_path_that_no_official_image_has(notes):
    """A module path that no official image has gets a warning with the right path."""
    path = "/opt/litellm/proxy/response_api_endpoints/endpoints.py"
    text = notes("--set", f"image.tag=v1.88.6,modulePath={path}")
    assert f"WARNING: modulePath {path} is no path that official images of LiteLLM 1.88.6" in text
    right = releases.load().paths_of("1.88.6")[0].path
    assert f"  {right}\n" in text
    assert "WARNING: modulePath" not in notes("--set", f"image.tag=v1.88.6,modulePath={right}")


def test_advisories_are_named_each_time(notes):
    """A release with security advisories gets a warning with their ids."""
    assert "WARNING: LiteLLM 1.82.3 has published security problems" in (
        text := notes("--set", "image.tag=v1.82.3")
    )
    assert "CVE-2026-42208" in text


def test_a_fixed_release(notes):
    """A release with upstream's fix needs no overlay; the notes list what the bridge would add."""
    text = notes("--set", "image.tag=v1.110.2")
    assert "LiteLLM 1.110.2 needs no overlay for the handshake, and is left" in text
    known = releases.load().release("1.110.2")
    fixed = [gap.what for gap in known.gaps if "2.0.0" in gap.fixed_by]
    assert [line[4:] for line in text.splitlines() if line.startswith("  - ")] == fixed
    assert "--set patch.onFixed=patch" in text
    assert "needs no overlay" not in notes()
    bridged = notes("--set", "image.tag=v1.110.2,patch.onFixed=patch")
    assert "the overlay puts the bridge there too" in bridged
    assert "What stays" not in bridged


def test_without_the_overlay_or_without_a_known_release(notes):
    """The notes render without the overlay, and without a known release."""
    assert notes("--set", "patch.enabled=false").startswith("LiteLLM without the overlay")
    path = "modulePath=/opt/litellm/endpoints.py"
    assert "(release not known)" in notes("--set", f"image.tag=stable,{path}")
