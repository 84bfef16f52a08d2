"""The parts of a LiteLLM image that the guard uses, in a folder: venv, console script, decoy."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

MODULE = Path("litellm/proxy/response_api_endpoints/endpoints.py")
PATCH_ROOT = Path(__file__).parents[2] / "patch"


@dataclass(frozen=True, slots=True)
class Image:
    """An image's folders; `app` is the working directory with the decoy.

    `module` is the file that the proxy imports.
    """

    app: Path
    bin: Path
    module: Path

    @property
    def site_packages(self) -> Path:
        """Return the folder that holds the `litellm` package."""
        return self.module.parents[3]

    def environ(self, **more: str) -> dict[str, str]:
        """Return the container's environment variables, plus `more`."""
        path = os.pathsep.join([str(self.bin), "/usr/bin", "/bin"])
        return {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def run_guard(self, plan: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the guard as an init container does, with the decoy in its working directory."""
        return subprocess.run(
            [sys.executable, "-I", "-S", str(PATCH_ROOT / "endpoint_patch"), "-"],
            cwd=self.app,
            env=self.environ(**more),
            input=plan,
            capture_output=True,
            text=True,
            check=False,
        )


def build(root: Path, endpoints: bytes, version: str) -> Image:
    """Build the layout of an image with a uv venv, and a decoy package in the working directory."""
    app = root / "app"
    venv.create(app / ".venv", with_pip=False, symlinks=True)
    python = app / ".venv" / "bin" / "python"
    site = app / ".venv" / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    add_package(site, endpoints)
    add_package(app, b"# the decoy\n")
    install_metadata(site, version)
    script = python.parent / "litellm"
    script.write_text(
        f"#!{shlex.quote(str(python))}\nraise SystemExit('the guard must not run this')\n"
    )
    script.chmod(0o755)
    return Image(app, python.parent, site / MODULE)


def install_metadata(site: Path, version: str, name: str = "litellm") -> None:
    """Write metadata by which `importlib.metadata` finds a distribution of this version."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def add_package(site: Path, endpoints: bytes) -> None:
    """Write a `litellm` package that fails if the guard imports it."""
    module = site / MODULE
    module.parent.mkdir(parents=True)
    module.write_bytes(endpoints)
    for folder in (site / "litellm", site / "litellm/proxy", module.parent):
        (folder / "__init__.py").write_text("raise SystemExit('the guard must not import this')\n")
