"""Time the command's start beside a bare Python's, and the guard beside LiteLLM's own start.

    python scripts/bench_start.py [--runs N] [--litellm VERSION] [--write]

Of the verbs (`VERB --help`), only the slowest start is reported. Runs alternate; medians are
printed. The guard patches a stock environment, as in the init container. It is compared with the
time that LiteLLM takes until it is alive.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

import figures
from figures import Row
from litellm_overlay import cli
from litellm_overlay.catalogue import releases
from litellm_overlay.local import environment, patching, processes

if TYPE_CHECKING:
    from collections.abc import Sequence

BARE = (sys.executable, "-c", "pass")
OURS = (sys.executable, "-m", "litellm_overlay")


def main() -> None:
    """Measure and print; with --write, record the rows."""
    parser = argparse.ArgumentParser(description="Time the command's start, and the guard.")
    parser.add_argument("--runs", type=int, default=7, help="of each, after one that warms up")
    parser.add_argument("--litellm", default=releases.load().newest_affected)
    parser.add_argument("--write", action="store_true", help="into docs/figures.json")
    options = parser.parse_args()
    rows = {**starts(options.runs), **guard(options.runs, options.litellm)}
    for row in rows.values():
        print(f"{row.what}: {row.ours:.0f} ms / {row.beside:.0f} ms = {row.ours / row.beside:.3f}")
    if options.write:
        figures.record("start", "python scripts/bench_start.py", rows)


def starts(runs: int) -> dict[str, Row]:
    """Return rows on the start of `--version` and of the slowest verb, in milliseconds."""
    verbs = cli.root.list_commands(click.Context(cli.root))
    commands: dict[str, Sequence[str]] = {"bare": BARE, "--version": (*OURS, "--version")}
    commands |= {verb: (*OURS, verb, "--help") for verb in verbs}
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(1 + runs):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            took[name].append((time.perf_counter() - began) * 1000)
    medians = {name: statistics.median(each[1:]) for name, each in took.items()}
    slowest = max(verbs, key=medians.__getitem__)
    bare = medians["bare"]
    names = {"version": "--version", "slowest-verb": slowest}
    told = {"version": "`--version`", "slowest-verb": f"`{slowest} --help`, the slowest verb"}
    return {
        name: Row(f"start of {told[name]} / `python -c pass`", medians[verb], bare, "ms")
        for name, verb in names.items()
    }


def guard(runs: int, litellm: str) -> dict[str, Row]:
    """Return the row on the guard's reported time beside LiteLLM's start, in milliseconds."""
    version = releases.load().default_patch_version
    env = environment.create(litellm, name=f"patched-{version}")
    took = [float(patching.apply(env, version)["milliseconds"]) for _ in range(1 + runs)]
    config = {"general_settings": {"master_key": processes.MASTER_KEY}}
    waits = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as scratch:
            began = time.perf_counter()
            with processes.start_proxy(env, config, Path(scratch) / "proxy.log"):
                waits.append((time.perf_counter() - began) * 1000)
    what = "the guard / LiteLLM's own start, until it is alive"
    return {"guard": Row(what, statistics.median(took[1:]), statistics.median(waits), "ms")}


if __name__ == "__main__":
    main()
