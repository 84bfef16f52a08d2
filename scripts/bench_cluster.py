"""Shared parts of the benches on a kind cluster: their options, and running them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import figures
from kind.steps import Phases
from kind_e2e import prepared
from litellm_overlay.errors import OverlayError
from litellm_overlay.local.cache import cache_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from figures import Row
    from kind.cluster import Cluster


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every such bench."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--images", choices=["pull", "build"], default="pull")
    made.add_argument("--keep", action="store_true", help="leave the cluster for the next time")
    made.add_argument("--name", default="litellm-overlay", help="of the cluster")
    made.add_argument("--write", action="store_true", help="into docs/figures.json")
    return made


def run(
    figure: str,
    command: str,
    options: argparse.Namespace,
    measure: Callable[[Cluster], dict[str, Row]],
) -> int:
    """Measure on a cluster, print the rows, and record them with --write; return the exit code.

    `figure` is the key in docs/figures.json; `command`, recorded with it, repeats the bench.
    """
    folder = cache_root() / "kind" / "clusters" / options.name
    folder.mkdir(parents=True, exist_ok=True)
    phases = Phases(folder / "phases.jsonl")
    try:
        with prepared(options.name, folder, phases, options.images, keep=options.keep) as cluster:
            rows = measure(cluster)
    except OverlayError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    for row in rows.values():
        print(f"{row.what}: {row.ours:.2f} s / {row.beside:.2f} s = {row.ours / row.beside:.3f}")
    if options.write:
        figures.record(figure, command, rows)
    return 0
