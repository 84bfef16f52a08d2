"""What is shipped is what was tested: the wheel, installed elsewhere, does what the checkout does."""

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
    """Build the wheel from a source archive, install it into a fresh environment; return its bin."""
    folder = tmp_path_factory.mktemp("package")
    run(find_uv_bin(), "build", "--quiet", "--out-dir", folder / "dist", ROOT, cwd=folder)
    wheel = next((folder / "dist").glob("*.whl"))
    run(find_uv_bin(), "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    run(find_uv_bin(), "pip", "install", "--quiet", "--python", python, wheel, cwd=folder)
    return folder / "venv" / "bin"


def run(*command, cwd):
    """Run a command away from the checkout; return what it printed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_catalogue_is_in_the_wheel(installed, tmp_path):
    """`releases` knows the 76 affected ones."""
    rows = json.loads(
        run(installed / "litellm-overlay", "releases", "--output", "json", cwd=tmp_path)
    )
    assert (len(rows), rows[0]["version"], rows[-1]["version"]) == (76, "1.82.1", "1.88.6")


@pytest.mark.parametrize("patch", ["1.0.0", "2.0.0"])
def test_the_payload_is_in_the_wheel(installed, tmp_path, patch):
    """`diff` of the wheel and of the checkout are equal to the byte."""
    command = ["litellm-overlay", "diff", "1.88.6", "--patch", patch]
    here = Path(sys.executable).parent
    shipped, checkout = (
        run(bin_ / command[0], *command[1:], cwd=tmp_path) for bin_ in (installed, here)
    )
    assert shipped == checkout
    assert "attach_litellm_overlay(" in shipped


def test_the_scripts_that_other_pythons_run_are_in_the_wheel(installed, tmp_path):
    """The mock provider and the certificates' maker are run as files."""
    code = "import litellm_overlay, pathlib; print(pathlib.Path(litellm_overlay.__file__).parent)"
    folder = Path(run(installed / "python", "-c", code, cwd=tmp_path).strip())
    assert (folder / "local" / "mock_provider.py").is_file()
    assert (folder / "local" / "mock_certificates.py").is_file()


@pytest.mark.parametrize(
    "format_", ["manifests", "payload", "patch", "litellm-helm-values", "litellm-chart-values"]
)
def test_the_templates_and_the_payload_are_in_the_wheel(installed, tmp_path, format_):
    """`render` of the wheel and of the checkout are equal to the byte."""
    image = "ghcr.io/berriai/litellm:v1.88.6"
    command = ["litellm-overlay", "render", "--format", format_, "--image", image]
    here = Path(sys.executable).parent
    shipped, checkout = (
        run(bin_ / command[0], *command[1:], cwd=tmp_path) for bin_ in (installed, here)
    )
    assert shipped == checkout
