"""Decisions of `make kind-e2e` before it uses Docker, and its messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tools
from kind import cluster as clusters
from kind import docker, litellm, node
from kind.cluster import configuration, run_since
from kind.steps import Phases, fingerprint, run
from litellm_overlay.catalogue import releases
from litellm_overlay.errors import OverlayError
from litellm_overlay.local import environment
from pins import PINS

DRIVER = Path(tools.__file__).with_name("kind_e2e.py")


def told(tmp_path, *arguments, **environ):
    """Return exit code and stderr of the driver with nothing but Python."""
    done = subprocess.run(
        [sys.executable, DRIVER, *arguments],
        env={"PATH": str(tmp_path), "LITELLM_OVERLAY_CACHE": str(tmp_path), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("images", ["pull", "build"])
def test_without_docker(tmp_path, images):
    """Without Docker it exits with 1, an error and a hint."""
    code, text = told(tmp_path, "--images", images)
    assert code == 1
    assert "error: Docker is needed and does not answer\nhint: install and start it" in text
    assert "Traceback" not in text


def test_no_such_images(tmp_path):
    """An unknown IMAGES is a usage error."""
    code, text = told(tmp_path, "--images", "biuld")
    assert code == 2
    assert "invalid choice: 'biuld'" in text


def test_without_go(tmp_path, monkeypatch):
    """Without Go there is an error with a hint."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OverlayError, match="Go is needed") as refusal:
        tools.go(tmp_path, "version")
    assert refusal.value.hint == "https://go.dev/doc/install"


def test_only_root_makes_images(monkeypatch, tmp_path):
    """Building an image without root is refused before it begins."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(OverlayError, match="takes root"):
        docker.debian("bookworm", [], "tag", tmp_path)


def test_a_failed_program_shows_its_last_words():
    """A failed program is an error with its last output."""
    with pytest.raises(OverlayError, match="no such thing"):
        run("sh", "-c", "echo no such thing >&2; exit 3")
    with pytest.raises(OverlayError, match="is needed and was not found"):
        run("no-such-program-at-all")


def test_each_image_has_its_module_where_the_catalogue_says():
    """Each image has its module at the catalogue's path; both layouts and a fix are included."""
    images = PINS["litellm-images"]
    modules = {name: litellm.module_in(image) for name, image in images.items()}
    assert modules["system"].startswith("/usr/lib/")
    assert modules["venv"].startswith("/app/.venv/")
    states = {
        name: releases.load().release(litellm.release_in(image)).state
        for name, image in images.items()
    }
    assert states == {"system": "affected", "venv": "affected", "fixed": "fixed"}
    for module in modules.values():
        assert any(module.startswith(root) for root in litellm.LAYOUTS)
        assert module.endswith(f"python{litellm.PYTHON}/site-packages/{environment.ENDPOINTS}")


def test_doors_are_opened_to_this_machine_only():
    """The node's ports are open on 127.0.0.1 only."""
    for built in (True, False):
        (only,) = configuration({"proxy": 1, "provider": 2}, built=built)["nodes"]
        addresses = {mapping["listenAddress"] for mapping in only["extraPortMappings"]}
        assert addresses == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("keep", "exists", "ready", "steps"),
    [
        (True, True, True, []),
        (True, True, False, ["delete", "create"]),
        (True, False, True, ["delete", "create"]),
        (False, True, True, ["delete", "create", "delete"]),
        (False, False, False, ["delete", "create", "delete"]),
    ],
)
def test_a_kept_cluster_is_used_only_if_it_was_asked_for_and_comes_up(
    monkeypatch, tmp_path, keep, exists, ready, steps
):
    """A kept cluster is used only if KEEP is set and it becomes ready."""
    done = []
    monkeypatch.setattr(clusters.Cluster, "exists", lambda _: exists)
    monkeypatch.setattr(clusters.Cluster, "becomes_ready", lambda _: ready)
    monkeypatch.setattr(clusters.Cluster, "create", lambda *_: done.append("create"))
    monkeypatch.setattr(clusters.Cluster, "delete", lambda _: done.append("delete"))
    with clusters.running("a", tmp_path, None, keep=keep):
        pass
    assert done == steps


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], False),
        ([{"ready": True, "state": {"running": {"startedAt": "2026-11-26T18:56:41Z"}}}], True),
        ([{"ready": True, "state": {"running": {"startedAt": "2026-11-26T18:56:40Z"}}}], False),
        ([{"ready": False, "state": {"running": {"startedAt": "2026-11-26T18:57:00Z"}}}], False),
        ([{"ready": False, "state": {"waiting": {}}}], False),
    ],
)
def test_what_the_api_shows_from_before_the_nodes_start_is_not_ready(statuses, expected):
    """Container states from before the node's start do not count as ready."""
    pods = [{"status": {"containerStatuses": statuses}}] if statuses else []
    assert run_since("2026-11-26T18:56:41.008954150Z\n", pods) is expected
    assert not run_since("2026-11-26T18:56:41.008954150Z\n", [*pods, {"status": {}}])


def test_kinds_own_node_image_keeps_its_network():
    """Without a built image, kind's own node image keeps its network settings."""
    assert "networking" not in configuration({"proxy": 1, "provider": 2}, built=False)


def test_parts_of_kubernetes_are_pinned_to_its_own_release(monkeypatch, tmp_path):
    """Kubernetes' own modules are pinned to the version of its release."""
    module = tmp_path / "go.mod"
    module.write_text(
        "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n"
        "\tk8s.io/sample-controller => ./staging/src/k8s.io/sample-controller\n)\n"
    )
    monkeypatch.setattr(tools, "go", lambda *_: f'{{"GoMod": "{module}"}}')
    assert node.staging("v1.35.4", tmp_path) == ["k8s.io/api=k8s.io/api@v0.35.4"]


def test_an_image_is_built_anew_when_its_recipe_changes(tmp_path):
    """An image's tag changes with its recipe's text and values."""
    recipe = tmp_path / "recipe"
    recipe.write_text("a")
    first = fingerprint(recipe, ["x"])
    assert first == fingerprint(recipe, ["x"])
    assert first != fingerprint(recipe, ["y"])
    recipe.write_text("b")
    assert first != fingerprint(recipe, ["x"])


def test_phases_are_noted_when_they_end_well(tmp_path, capsys):
    """Phases are recorded in the order of their end, and failed ones have no time."""
    phases = Phases(tmp_path / "phases")
    with phases("first"):
        pass
    with pytest.raises(ValueError, match="x"), phases("second"):
        raise ValueError("x")
    phases.note("third", 61.25)
    assert phases.table().split("\n") == ["     0.0 s  first", "    61.2 s  third"]
    assert capsys.readouterr().err == "=== first\n=== second\n"
