"""Build the pinned Go programs into the cache; `make build-tools`.

    python scripts/tools.py [NAME…]    prints their paths; without names: what `make chart` needs

Their versions are `go-tools` in pyproject.toml's [tool.litellm-overlay.pins]. A program that exists
is not built again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_overlay.errors import OverlayError
from litellm_overlay.local.cache import cache_root, locked
from pins import PINS

if TYPE_CHECKING:
    from collections.abc import Sequence

CHART_TOOLS = ("helm", "helm-4", "helm-unittest", "kustomize", "yaml-to-json")
# The file name of a program, if it is not its name here.
PROGRAMS = {"helm-4": "helm"}
# Folders of our own programs. For these, `go-tools` has the package that they use.
SOURCES = {"yaml-to-json": Path(__file__).parents[1] / "tests" / "chart" / "yaml_to_json"}


def main() -> int:
    """Build missing programs, print all paths; return 1, after an error message, on failure."""
    try:
        for name in sys.argv[1:] or CHART_TOOLS:
            print(ensure(name))
    except OverlayError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    return 0


def path_of(name: str) -> Path:
    """Return the path of a program, built or not."""
    version = PINS["go-tools"][name].partition("@")[2]
    if name in SOURCES:  # the path changes with the source
        version += f"-{hashlib.sha256((SOURCES[name] / 'main.go').read_bytes()).hexdigest()[:12]}"
    return cache_root() / "tools" / f"{name}-{version}" / PROGRAMS.get(name, name)


def ensure(name: str) -> Path:
    """Return a program's path; build the program if it is missing."""
    path = path_of(name)
    with locked(path.parent):
        if not path.exists():
            package = PINS["go-tools"][name]
            print(f"building {package}: minutes, once", file=sys.stderr)
            if name in SOURCES:
                build_own(name, path.parent, package)
                return path
            replaces = [f"{old}={new}" for old, new in PINS["go-replaces"].items()]
            build([package], path.parent, replaces=replaces, flags=link_flags(name))
    return path


def build(
    packages: Sequence[str], folder: Path, *, replaces: Sequence[str] = (), flags: str = ""
) -> None:
    """Build programs, each given as `package@version`, into a folder.

    They are built in a temporary module, since `go install` supports no `replace`, which some need.
    Each program appears atomically.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        built = Path(scratch) / "built"
        built.mkdir()
        go(scratch, "mod", "init", "tools")
        for item in replaces:
            go(scratch, "mod", "edit", f"-replace={item}")
        go(scratch, "get", *packages)
        plain = [package.partition("@")[0] for package in packages]
        go(scratch, "build", "-trimpath", f"-o={built}/", f"-ldflags=-s -w {flags}", *plain)
        for program in built.iterdir():
            program.replace(folder / program.name)


def build_own(name: str, folder: Path, package: str) -> None:
    """Build one of our own programs, which uses one package, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        shutil.copy(SOURCES[name] / "main.go", scratch)
        go(scratch, "mod", "init", "tools")
        go(scratch, "get", package)
        go(scratch, "build", "-trimpath", f"-o={name}", "-ldflags=-s -w", ".")
        (Path(scratch) / name).replace(folder / name)


def go(folder: str | Path, *arguments: str) -> str:
    """Run the `go` command and return its stdout; OverlayError if it fails."""
    if not shutil.which("go"):
        raise OverlayError("Go is needed and was not found", hint="https://go.dev/doc/install")
    done = subprocess.run(
        ["go", *arguments],
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last_lines = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise OverlayError(
            f"go {' '.join(arguments):.200} failed:\n{last_lines}",
            hint="is Go too old, or the module proxy out of reach?",
        )
    return done.stdout


def link_flags(name: str) -> str:
    """Return the linker flags of Helm's Makefile, or Helm would assume Kubernetes 1.20."""
    if name != "helm":
        return ""
    helm, version = "helm.sh/helm/v3", PINS["go-tools"]["helm"].partition("@")[2]
    major, minor = PINS["helm-kubernetes"].split(".")
    flags = [f"-X {helm}/internal/version.version={version}"] + [
        f"-X {helm}/pkg/{package}.k8sVersion{part}={number}"
        for package in ("chartutil", "lint/rules")
        for part, number in (("Major", major), ("Minor", minor))
    ]
    return " ".join(flags)


if __name__ == "__main__":
    sys.exit(main())
