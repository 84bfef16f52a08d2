"""The payload in the pod: forbidden texts, and its start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from litellm_overlay.catalogue import releases
from litellm_overlay.names import PAYLOAD_PATH
from litellm_overlay.overlay import payload, plan, templates, values


@pytest.mark.parametrize("version", sorted(releases.load().patch_versions))
def test_no_file_looks_like_a_go_template(version):
    """No file has `{{`, which a chart's `tpl` would evaluate."""
    assert [path for path, text in payload.files(version).items() if b"{{" in text] == []


@pytest.mark.parametrize("version", releases.load().patch_versions)
def test_the_init_containers_command_starts_the_payload(tmp_path, version):
    """The init container's command starts the payload, without PYTHONPATH or working directory."""
    for path, content in payload.files(version).items():
        (tmp_path / "payload" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "payload" / path).write_bytes(content)
    (tmp_path / "front").mkdir()
    for name in ("hashlib", "json", "sitecustomize"):
        (tmp_path / "front" / f"{name}.py").write_text("raise SystemExit('it ran')\n")
    operator_values = values.load("", image="litellm:v1.88.6", patch_version=version)
    made = plan.Planner.from_values(operator_values).plan(plan.from_values(operator_values))
    (init,) = yaml.safe_load(templates.render_fragment(made).init_container)
    done = subprocess.run(
        [item.replace(PAYLOAD_PATH, str(tmp_path / "payload")) for item in init["command"]],
        cwd=tmp_path / "front",
        env={
            "PATH": str(Path(sys.executable).parent),
            "PYTHONPATH": str(tmp_path / "front"),
            "LITELLM_OVERLAY_PLAN": "no plan",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 10, done.stderr
    assert done.stderr.startswith("error: The plan is not JSON")
