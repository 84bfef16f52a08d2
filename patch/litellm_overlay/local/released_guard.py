"""Run the guard that was released with a patch version on a local file.

The `endpoint_patch` of this package may have changed since; what a pod runs has not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_overlay.catalogue import patch_files

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(version: str, stock: bytes, plan: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return the guard's report on a file, and the content that it writes, b"" if it refuses.

    `plan` is the plan of `endpoint_patch`, without the paths and the patch version.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        write(version, place)
        (place / "stock.py").write_bytes(stock)
        whole = {
            **plan,
            "patchVersion": version,
            "sourcePath": str(place / "stock.py"),
            "outputPath": str(place / "patched.py"),
            "reportPath": str(place / "report.json"),
        }
        subprocess.run(
            [sys.executable, "-I", "-S", str(place / patch_files.PACKAGE), "-"],
            cwd=scratch,
            input=json.dumps(whole).encode(),
            capture_output=True,
            check=False,
        )
        report: dict[str, Any] = json.loads((place / "report.json").read_text("utf-8"))
        return report, (place / "patched.py").read_bytes() if report["exitCode"] == 0 else b""


def write(version: str, place: Path) -> None:
    """Write a patch version's payload into a folder, laid out as a package."""
    for path, content in patch_files.files(version).items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
