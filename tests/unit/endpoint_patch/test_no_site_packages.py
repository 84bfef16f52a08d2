"""The guard runs on each Python found here, without its site-packages.

The test ids show which Pythons ran. Stock images have 3.10 to 3.13.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.endpoint_module import STOCK
from fakes.image import PATCH_ROOT

MINORS = ("3.10", "3.11", "3.12", "3.13")
ASK = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.prefix)"


def found_pythons() -> dict[str, str]:
    """Return {(version, prefix): executable} of the Pythons of these minors that work here."""
    candidates = [shutil.which(f"python{minor}") for minor in MINORS]
    candidates += map(str, sorted(Path("~/.pyenv/versions").expanduser().glob("*/bin/python")))
    uv = Path(sys.executable).parent / "uv"
    candidates += [
        run([str(uv), "python", "find", "--managed-python", "--no-python-downloads", minor])
        for minor in MINORS
    ]
    pythons = {}
    for candidate in filter(None, candidates):
        answer = run([candidate, "-S", "-c", ASK])
        if answer and answer.rpartition(" ")[0].rpartition(".")[0] in MINORS:
            pythons.setdefault(answer, candidate)
    return {run([sys.executable, "-S", "-c", ASK]) or "running": sys.executable, **pythons}


def run(command: list[str]) -> str | None:
    """Return a command's stdout, or None if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


PYTHONS = found_pythons()


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS.keys())
def test_runs_bare(python: str, tmp_path: Path) -> None:
    """The guard runs with only the standard library."""
    (tmp_path / "stock.py").write_bytes(STOCK)
    order = {
        "patchVersion": "2.0.0",
        "sourcePath": str(tmp_path / "stock.py"),
        "outputPath": str(tmp_path / "out.py"),
        "onUnknown": "passthrough",
    }
    done = subprocess.run(
        [python, "-I", "-S", "-B", str(PATCH_ROOT / "endpoint_patch"), "-"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("warning: NOT PATCHED")
    assert (tmp_path / "out.py").read_bytes() == STOCK


PATCHES = """
import sys
sys.path.insert(0, sys.argv[1])
from endpoint_patch import edits, postconditions
from fakes.endpoint_module import MINIMAL, SETTINGS, STOCK
patched = edits.patch(STOCK, MINIMAL, SETTINGS, None)
postconditions.verify(STOCK, patched, MINIMAL)
sys.stdout.buffer.write(patched)
"""


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS.keys())
def test_every_python_makes_the_same_text(python: str) -> None:
    """Every Python produces the same patched text."""
    texts = [
        subprocess.run(
            [executable, "-S", "-E", "-s", "-B", "-c", PATCHES, PATCH_ROOT.parent / "tests"],
            cwd=PATCH_ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for executable in (sys.executable, python)
    ]
    assert texts[0] == texts[1]
    assert texts[0].endswith(b"# litellm-overlay end\n")
