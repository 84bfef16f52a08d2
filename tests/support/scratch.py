"""A copy of this checkout in a git repository of its own, to release versions in."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import chart_archive
from litellm_overlay.catalogue import releases

ROOT = Path(__file__).parents[2]
CATALOGUE = "patch/litellm_overlay/catalogue/catalogue.json"
TABLE = "patch/endpoint_patch/stock_files.json"
GUARD = "patch/endpoint_patch/edits.py"
DEFAULT = releases.load().default_patch_version
FIXED = re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), DEFAULT)
FIRST, SECOND = "90.1.0", "90.2.0"  # of the toolkit; above any real release
EPOCH = 1_700_000_000
LATER = "f" * 64  # the hash of the file of a new LiteLLM release
NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Nobody"), ("EMAIL", "nobody@example.com"))
}


class Failed(Exception):  # noqa: N818 - not an error of the tests
    """A command failed; the text is its stderr."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command; return its stdout, or raise Failed."""
    done = subprocess.run(
        [str(item) for item in command],
        cwd=cwd,
        env={**os.environ, **NOBODY, **environ},
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise Failed(done.returncode, done.stderr)
    return done.stdout


def script(place: Path, name: str, *arguments: str | Path, **environ: str) -> str:
    """Run a script of the copy; return its stdout."""
    return run(sys.executable, place / "scripts" / name, *arguments, cwd=place, **environ)


def checkout(place: Path) -> Path:
    """Copy the checkout, uncommitted files included, and commit the copy; return its path."""
    for name in run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).split("\0"):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    run("git", "init", "--quiet", cwd=place)
    commit(place, "Begin")
    return place


def commit(place: Path, message: str) -> None:
    """Commit all changes."""
    run("git", "add", "--all", cwd=place)
    run("git", "commit", "--quiet", "--message", message, cwd=place)


def change(place: Path, path: str, old: str, new: str) -> None:
    """Replace a text that must occur exactly once in a file."""
    text = (place / path).read_text()
    assert text.count(old) == 1, (path, old)
    (place / path).write_text(text.replace(old, new))


def note(place: Path) -> None:
    """Add an entry under Unreleased in CHANGELOG.md."""
    change(place, "CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- A change.\n")


def learn(place: Path) -> None:
    """Add a LiteLLM release with the file LATER to the catalogue and the guard's table."""
    catalogue: dict[str, Any] = json.loads((place / CATALOGUE).read_text())
    newest = catalogue["releases"][-1]
    row = {**newest, "version": "9.0.0", "endpoints_sha256": LATER}
    (place / CATALOGUE).write_text(
        json.dumps({**catalogue, "releases": [*catalogue["releases"], row]}, indent=1)
    )
    table = json.loads((place / TABLE).read_text())
    table["files"][LATER] = [{"state": newest["state"], "first": "9.0.0", "last": "9.0.0"}]
    (place / TABLE).write_text(json.dumps(table, indent=1))


def warn(place: Path, release: str) -> None:
    """Add a malicious release to the catalogue."""
    catalogue: dict[str, Any] = json.loads((place / CATALOGUE).read_text())
    row = {"version": release, "state": "malicious", "uploaded": "2026-11-26"}
    unknown = dict.fromkeys(("requires_python", "endpoints_sha256", "handler_sha256"))
    catalogue["releases"].append({**row, **unknown})
    (place / CATALOGUE).write_text(json.dumps(catalogue, indent=1))


def know(place: Path, stock: bytes) -> None:
    """Make the guard treat a test's file as that of an affected release."""
    table = json.loads((place / TABLE).read_text())
    run_of = {"state": "affected", "first": "1.88.6", "last": "1.88.6"}
    table["files"][hashlib.sha256(stock).hexdigest()] = [run_of]
    (place / TABLE).write_text(json.dumps(table, indent=1))


def fix_guard(place: Path) -> None:
    """Change the guard, so that it writes other files, and the script that proves a payload."""
    with (place / "manifests" / "prove.py").open("a") as file:
        file.write("# Mended.\n")
    change(
        place, GUARD, 'PREFIX = b"# litellm-overlay: "', 'PREFIX = b"# litellm-overlay, mended: "'
    )


def charts(folder: Path) -> tuple[Path, Path]:
    """Return the archives of two releases of the chart, with patch DEFAULT and then FIXED."""
    place = checkout(folder / "checkout")
    first = _chart(place, folder, FIRST)
    fix_guard(place)
    learn(place)
    script(place, "begin_version.py", FIXED, "--after", DEFAULT)
    return first, _chart(place, folder, SECOND)


def _chart(place: Path, folder: Path, version: str) -> Path:
    script(place, "freeze_version.py", "--release", version)
    chart = place / "charts" / "litellm-overlay"
    about = chart / "Chart.yaml"
    about.write_text(re.sub(r"(?m)^version: .*$", f"version: {version}", about.read_text()))
    script(place, "sync_chart.py")
    archive = folder / f"{version}.tgz"
    chart_archive.pack(chart, archive, EPOCH)
    return archive
