"""The wheel, installed in another environment, behaves like the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the wheel from a source archive and install it; return the environment's bin folder."""
    folder = tmp_path_factory.mktemp("package")
    run(find_uv_bin(), "build", "--quiet", "--out-dir", folder / "dist", ROOT, cwd=folder)
    wheel = next((folder / "dist").glob("*.whl"))
    run(find_uv_bin(), "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    run(find_uv_bin(), "pip", "install", "--quiet", "--python", python, wheel, cwd=folder)
    return folder / "venv" / "bin"


def run(*command, cwd):
    """Run a command outside of the checkout; return its stdout."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_catalogue_is_in_the_wheel(installed, tmp_path):
    """`releases` of the wheel lists the 76 affected releases."""
    rows = json.loads(
        run(installed / "litellm-overlay", "releases", "--output", "json", cwd=tmp_path)
    )
    assert (len(rows), rows[0]["version"], rows[-1]["version"]) == (76, "1.82.1", "1.88.6")


@pytest.mark.parametrize("patch", ["1.0.0", "2.0.0"])
def test_the_payload_is_in_the_wheel(installed, tmp_path, patch):
    """`diff` prints the same bytes from wheel and checkout."""
    command = ["litellm-overlay", "diff", "1.88.6", "--patch", patch]
    here = Path(sys.executable).parent
    shipped, checkout = (
        run(bin_ / command[0], *command[1:], cwd=tmp_path) for bin_ in (installed, here)
    )
    assert shipped == checkout
    assert "attach_litellm_overlay(" in shipped


def test_the_scripts_that_other_pythons_run_are_in_the_wheel(installed, tmp_path):
    """The wheel has the scripts for the mock provider and its certificates, which run as files."""
    code = "import litellm_overlay, pathlib; print(pathlib.Path(litellm_overlay.__file__).parent)"
    folder = Path(run(installed / "python", "-c", code, cwd=tmp_path).strip())
    assert (folder / "local" / "mock_provider.py").is_file()
    assert (folder / "local" / "mock_certificates.py").is_file()


@pytest.mark.parametrize(
    "format_", ["manifests", "payload", "patch", "litellm-helm-values", "litellm-chart-values"]
)
def test_the_templates_and_the_payload_are_in_the_wheel(installed, tmp_path, format_):
    """`render` prints the same bytes from wheel and checkout."""
    image = "ghcr.io/berriai/litellm:v1.88.6"
    command = ["litellm-overlay", "render", "--format", format_, "--image", image]
    here = Path(sys.executable).parent
    shipped, checkout = (
        run(bin_ / command[0], *command[1:], cwd=tmp_path) for bin_ in (installed, here)
    )
    assert shipped == checkout
