"""Create a real cluster, run tests/e2e on it, and delete it: `make kind-e2e`.

    python scripts/kind_e2e.py [--images pull|build] [--keep] [--name NAME] [ARGUMENT OF PYTEST…]

pull     kind's own node image and the official LiteLLM images, from their registries
build    a node image and stand-ins for LiteLLM's, from package registries: needs root, Debian, Go

Clusters with different names can exist at the same time. With --keep a kept cluster is used again;
without it, a cluster of that name is deleted first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import tools
from kind import docker, node
from kind.cluster import running
from kind.steps import Phases
from litellm_overlay.errors import OverlayError
from litellm_overlay.local.cache import cache_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kind.cluster import Cluster

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Return pytest's exit code, 1 if pytest could not start, or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description="Tell the stories of tests/e2e on a kind cluster.")
    parser.add_argument("--images", choices=["pull", "build"], default="pull")
    parser.add_argument("--keep", action="store_true", help="leave the cluster for the next time")
    parser.add_argument("--name", default="litellm-overlay", help="of the cluster")
    options, pytest_arguments = parser.parse_known_args()
    folder = cache_root() / "kind" / "clusters" / options.name
    folder.mkdir(parents=True, exist_ok=True)
    phases = Phases(folder / "phases.jsonl")
    phases.file.unlink(missing_ok=True)
    began = time.monotonic()
    try:
        code = tell(options, folder, phases, pytest_arguments)
    except OverlayError as error:
        print(
            f"error: {error}\nhint: {error.hint}" if error.hint else f"error: {error}",
            file=sys.stderr,
        )
        code = 1
    except KeyboardInterrupt:
        code = 130
    phases.note("in all", time.monotonic() - began)
    print(f"\n{phases.table()}")
    return code


def tell(options: argparse.Namespace, folder: Path, phases: Phases, arguments: list[str]) -> int:
    """Prepare a cluster and run pytest on it; return pytest's exit code."""
    with prepared(options.name, folder, phases, options.images, keep=options.keep):
        facts = {"name": options.name, "folder": str(folder)}
        facts |= {"images": options.images, "phases": str(phases.file)}
        command = [sys.executable, "-m", "pytest", "-v", *(arguments or ["tests/e2e"])]
        environ = {**os.environ, "KIND_E2E": json.dumps(facts)}
        code = subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
        if options.keep:
            print(
                f"kept; to use it:  export KUBECONFIG={folder / 'kubeconfig'} PATH={folder}:$PATH"
            )
            print(f"to delete it:     {tools.path_of('kind')} delete cluster --name {options.name}")
    return code


@contextlib.contextmanager
def prepared(
    name: str, folder: Path, phases: Phases, images: str, *, keep: bool
) -> Iterator[Cluster]:
    """Yield a cluster, after preparing Docker and the tools; undo that when the block ends."""
    build = images == "build"
    with contextlib.ExitStack() as stack:
        with phases("Docker"):
            log = folder / "dockerd.log"
            stack.enter_context(docker.engine(log, may_install=build, keep=keep))
        with phases("kind and Helm"):
            tools.ensure("kind")
            tools.ensure("helm")
        image = None
        if build:
            with phases("node image"):
                image = node.image()
        with phases("cluster"):
            cluster = stack.enter_context(running(name, folder, image, keep=keep))
        yield cluster


if __name__ == "__main__":
    sys.exit(main())
