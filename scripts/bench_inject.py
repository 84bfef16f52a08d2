"""Time `litellm-overlay inject`, and `--remove`, beside `kustomize build` of the same manifests.

    python scripts/bench_inject.py [--runs N] [--write] [DEPLOYMENTS]

The input is one file with 1,000 small Deployments by default. The three commands alternate, so that
other load affects them alike. Medians of wall time and CPU time are printed, with their ratios.
kustomize is the pinned one if it is built, else the one on PATH, else the one inside kubectl.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import figures
from figures import Row
from litellm_overlay.local.cache import cache_root
from pins import PINS
from tools import path_of

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS = (sys.executable, "-m", "litellm_overlay")
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: proxy-{0}
  namespace: llm
  labels:
    app: proxy-{0}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: proxy-{0}
  template:
    metadata:
      labels:
        app: proxy-{0}
    spec:
      containers:
      - name: litellm
        image: ghcr.io/berriai/litellm:v1.88.6
        args: [--config, /etc/litellm/config.yaml]
        ports:
        - containerPort: 4000
        env:
        - name: LITELLM_LOG
          value: INFO
"""
Times = dict[str, list[tuple[float, float]]]  # by name: seconds of wall time and of CPU time


def main() -> int:
    """Measure and print; return 0, also if there is no kustomize to compare with."""
    parser = argparse.ArgumentParser(description="Time inject beside kustomize build.")
    parser.add_argument(
        "--runs", type=int, default=5, help="of each, after one that is not counted"
    )
    parser.add_argument("--write", action="store_true", help="into docs/figures.json")
    parser.add_argument("deployments", type=int, nargs="?", default=1000)
    options = parser.parse_args()
    if not (kustomize := find_kustomize()):
        print("left out: inject beside kustomize build; neither kustomize nor kubectl is here")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        took = measure(Path(folder), options.deployments, options.runs, kustomize)
    rows = show(took, options.deployments)
    if options.write:
        figures.record("inject", "python scripts/bench_inject.py", rows)
    return 0


def find_kustomize() -> tuple[str, ...]:
    """Return the command that builds a folder, () for none."""
    if "kustomize" in PINS["go-tools"] and path_of("kustomize").exists():
        return (str(path_of("kustomize")), "build")
    if program := shutil.which("kustomize"):
        return (program, "build")
    built = cache_root() / "kind" / PINS["kubernetes"]["version"] / "kubectl"
    kubectl = str(built) if built.exists() else shutil.which("kubectl")
    return (kubectl, "kustomize") if kubectl else ()


def measure(folder: Path, number: int, runs: int, kustomize: Sequence[str]) -> Times:
    """Return the times of each command. They alternate; the first round is not counted."""
    plain, overlaid = folder / "plain.yaml", folder / "overlaid.yaml"
    plain.write_text("---\n".join(map(DEPLOYMENT.format, range(number))))
    (folder / "kustomization.yaml").write_text("resources: [plain.yaml]\n")
    took: Times = {}
    for turn in range(1 + runs):
        for name, command, source, target in (
            ("kustomize build", [*kustomize, str(folder)], plain, None),
            ("inject", [*OURS, "inject"], plain, overlaid),
            ("inject --remove", [*OURS, "inject", "--remove"], overlaid, folder / "bare.yaml"),
        ):
            one = timed(command, source, target)
            if turn:
                took.setdefault(name, []).append(one)
    if (folder / "bare.yaml").read_text() != plain.read_text():
        raise SystemExit("inject --remove did not give the manifests back")
    return took


def timed(command: Sequence[str], source: Path, target: Path | None) -> tuple[float, float]:
    """Return the wall time and CPU time of a command, in seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with source.open() as stdin, (target or Path(os.devnull)).open("w") as made:
        subprocess.run(command, stdin=stdin, stdout=made, stderr=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def show(took: Times, number: int) -> dict[str, Row]:
    """Print medians, and ratios to kustomize; return the rows for docs/figures.json."""
    medians = {
        name: tuple(statistics.median(each[part] for each in times) for part in (0, 1))
        for name, times in took.items()
    }
    theirs = medians["kustomize build"]
    print(f"{number:,} Deployments, medians of {len(took['inject'])}:")
    print(f"  {'':<17} {'seconds':>8} {'ratio':>6} {'CPU':>8} {'ratio':>6}")
    for name, (clock, work) in medians.items():
        ratios = clock / theirs[0], work / theirs[1]
        print(f"  {name:<17} {clock:8.2f} {ratios[0]:6.2f} {work:8.2f} {ratios[1]:6.2f}")
    what = f"`inject` of {number:,} Deployments / `kustomize build`"
    return {
        key: Row(f"{measured}{what}", medians["inject"][part], theirs[part], "s")
        for part, (key, measured) in enumerate((("inject-time", ""), ("inject-cpu", "CPU of ")))
    }


if __name__ == "__main__":
    sys.exit(main())
