"""Patch an installed LiteLLM with the same program that runs in the init container."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_overlay.catalogue import patch_files
from litellm_overlay.errors import OverlayError
from litellm_overlay.local import released_guard
from litellm_overlay.local.environment import clean_environ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_overlay.local.environment import LiteLLMEnvironment


def apply(
    env: LiteLLMEnvironment,
    patch_version: str,
    settings: Mapping[str, Any] | None = None,
    *,
    on_fixed: str = "passthrough",
) -> dict[str, Any]:
    """Replace an environment's endpoints.py by the guard's output; return the guard's report.

    `on_fixed` is passthrough or patch. As in the pod, LiteLLM's own Python runs a bare copy of
    `endpoint_patch`, which finds the module through the `litellm` command on PATH. An existing
    patch is undone first. Raises OverlayError if the guard refuses.
    """
    with tempfile.TemporaryDirectory(dir=env.root) as scratch:  # the same filesystem, to rename
        payload, output = Path(scratch) / "payload", Path(scratch) / "endpoints.py"
        released_guard.write(patch_version, payload)
        plan = {
            "patchVersion": patch_version,
            "modulePath": str(env.endpoints),
            "outputPath": str(output),
            "onFixed": on_fixed,
            "settings": dict(settings or {}),
        }
        path = os.pathsep.join([str(env.python.parent), os.environ.get("PATH", os.defpath)])
        done = subprocess.run(
            [env.python, "-I", "-S", str(payload / patch_files.PACKAGE), "-"],
            env={**clean_environ(), "PATH": path},
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
        # Rename, never write: uv links files of an environment to its cache.
        output.replace(env.endpoints)
    return report
