"""Build the pinned Go programs into the cache; `make tools`.

    python scripts/tools.py [NAME…]    prints a path a program; without names: all

Their versions are `go-tools` in pyproject.toml's [tool.litellm-overlay.pins]. A program that is
there is not built again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from litellm_overlay.environment import cache_root

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
PINS = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]["litellm-overlay"]["pins"]


def main() -> int:
    """Build what is missing; return 1 and say why if that fails."""
    for name in sys.argv[1:] or PINS["go-tools"]:
        if not path_of(name).exists():
            if not shutil.which("go"):
                return fail(
                    f"{name} is not built, and there is no Go", "https://go.dev/doc/install"
                )
            print(f"building {PINS['go-tools'][name]}: minutes, once", file=sys.stderr)
            done = build(name)
            if done.returncode:
                return fail(f"{name} could not be built:\n{done.stderr.strip()}", "is Go too old?")
        print(path_of(name))
    return 0


def path_of(name: str) -> Path:
    """Return where a program is, or will be."""
    version = PINS["go-tools"][name].partition("@")[2]
    return cache_root() / "tools" / f"{name}-{version}" / name


def build(name: str) -> subprocess.CompletedProcess[str]:
    """Build in a module of its own, since `go install` knows no `replace`, which some need.

    The program appears in one piece or not at all.
    """
    package = PINS["go-tools"][name]
    target = path_of(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    replaces = [f"-replace={old}={new}" for old, new in PINS["go-replaces"].items()]
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        for command in (
            ["mod", "init", "tools"],
            ["mod", "edit", *replaces],
            ["get", package],
            ["build", "-o=tool", f"-ldflags={link_flags(name)}", package.partition("@")[0]],
        ):
            done = subprocess.run(
                ["go", *command],
                env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"},
                cwd=scratch,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                return done
        (Path(scratch) / "tool").replace(target)
    return done


def link_flags(name: str) -> str:
    """Return what Helm's own Makefile sets, or Helm would render for Kubernetes 1.20."""
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


def fail(message: str, hint: str) -> int:
    """Say what is wrong."""
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
