"""The proof, manifests/prove.py: it runs only the payload that the template names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from endpoint_patch import __main__ as guard
from endpoint_patch import errors
from fakes.overlaid import pod, state, workload
from litellm_overlay.objects import guard_report
from litellm_overlay.overlay import payload

PROOF = (Path(__file__).parents[3] / "manifests" / "prove.py").read_text()
EXIT_CODE = 21


@pytest.fixture
def mounted(tmp_path):
    """Lay a payload out as the kubelet does, with links into a folder; return the path."""
    real = tmp_path / "payload" / "..2026_11_26_06_00_00.1"
    for path, content in payload.files("2.0.0").items():
        (real / path).parent.mkdir(parents=True, exist_ok=True)
        (real / path).write_bytes(content)
    (tmp_path / "payload" / "..data").symlink_to(real.name)
    (tmp_path / "payload" / "endpoint_patch").symlink_to("..data/endpoint_patch")
    return tmp_path / "payload" / "endpoint_patch"


def prove(mounted, expected=None, **environ):
    """Run the proof as the init container does; return the process and its message."""
    log = mounted.parent.parent / "termination-log"
    log.touch()
    wanted = expected or payload.digest("2.0.0")
    command = [sys.executable, "-I", "-S", "-c", PROOF, str(mounted), wanted, str(log)]
    done = subprocess.run(
        command,
        cwd=mounted.parent,
        env={"PATH": os.defpath, **environ},
        capture_output=True,
        check=False,
        text=True,
    )
    return done, log.read_text()


def test_the_payload_runs(mounted):
    """The right payload runs, with its arguments and its plan."""
    done, last_words = prove(mounted, LITELLM_OVERLAY_PLAN="{}")
    assert (done.returncode, last_words) == (10, "")
    assert done.stderr.startswith("error: patchVersion is missing.")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("versions/v2_0_0/inserted/bridge.py", "# altered\n"),
        ("__main__.py", "open('ran', 'w')\n"),
        ("stock_files.json", " "),
        ("hashlib.py", "open('ran', 'w')\n"),
        ("__pycache__/errors.cpython-311.pyc", "bytecode"),
        (".hidden", ""),
    ],
)
def test_an_altered_payload_does_not_run(mounted, name, text):
    """A payload with a changed or added file is refused before it runs."""
    path = mounted / name
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text)
    _refused(mounted, *prove(mounted))


@pytest.mark.parametrize("name", ["errors.py", "versions/v2_0_0/inserted/attach.py"])
def test_a_payload_that_is_not_whole_does_not_run(mounted, name):
    """An incomplete or missing payload is refused."""
    (mounted / name).unlink()
    _refused(mounted, *prove(mounted))
    _refused(mounted, *prove(mounted.parent / "missing"))


def test_another_payload_than_the_templates(mounted):
    """Another version's payload is refused."""
    _refused(mounted, *prove(mounted, payload.digest("1.0.0")))


def _refused(mounted, done, last_words):
    data = json.loads(last_words)
    assert (done.returncode, data["decision"], data["exitCode"]) == (
        EXIT_CODE,
        "refused",
        EXIT_CODE,
    )
    assert done.stderr == f"error: {data['message']}\nhint: {data['hint']}\n"
    assert not (mounted.parent / "ran").exists()
    read = guard_report.read(pod(workload(patch="2.0.0"), 0, **state(last_words, EXIT_CODE)))
    assert (read.decision, read.why, read.hint) == ("refused", data["message"], data["hint"])


def test_its_exit_code_is_its_own():
    """The proof's exit code is in the guard's help, and no refusal of the guard has it."""
    assert f" {EXIT_CODE}  " in (guard.__doc__ or "")
    others = {each.exit_code for each in vars(errors).values() if hasattr(each, "exit_code")}
    assert EXIT_CODE not in others


def test_it_passes_through_every_template():
    """The script has no characters that Helm, Jinja or Kubernetes would expand."""
    assert not any(sign in PROOF for sign in ("{{", "{%", "{#", "$("))
    assert PROOF.isascii()
