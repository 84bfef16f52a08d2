"""Patch an installed LiteLLM with the same program that runs in the init container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import endpoint_patch
from litellm_overlay.environment import clean_environ
from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_overlay.environment import LiteLLMEnvironment


def apply(
    env: LiteLLMEnvironment, patch_version: str, settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Replace the environment's endpoints.py by what the guard makes of it; return its report.

    As in the pod: LiteLLM's own Python runs a bare copy of `endpoint_patch`, which finds the module
    through the `litellm` command on PATH. A patch that is there already is undone first.
    """
    with tempfile.TemporaryDirectory(dir=env.root) as scratch:  # the same filesystem, to rename
        payload, output = Path(scratch) / "payload", Path(scratch) / "endpoints.py"
        package = Path(endpoint_patch.__file__).parent
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, payload / package.name, ignore=ignored)
        plan = {
            "patchVersion": patch_version,
            "modulePath": str(env.endpoints),
            "outputPath": str(output),
            "settings": dict(settings or {}),
        }
        path = os.pathsep.join([str(env.python.parent), os.environ.get("PATH", os.defpath)])
        done = subprocess.run(
            [env.python, "-S", "-s", "-m", "endpoint_patch", "-"],
            env={**clean_environ(), "PATH": path, "PYTHONPATH": str(payload)},
            cwd=scratch,
            input=json.dumps(plan),
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode:
            raise OverlayError(
                f"endpoint_patch refused LiteLLM {env.version} (exit code {done.returncode}):\n"
                + done.stderr.strip()
            )
        report: dict[str, Any] = json.loads((Path(scratch) / "report.json").read_text())
        # A rename, never a write: uv links files of an environment to its cache.
        output.replace(env.endpoints)
    return report
