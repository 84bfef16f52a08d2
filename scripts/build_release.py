"""Build what a release publishes, from a commit: the same bytes, wherever and whenever.

    python scripts/build_release.py [--commit HEAD] [--to dist/HEAD]        `make dist`

Wheel, sdist, the chart's archive, CycloneDX SBOM, and SHA256SUMS of these. What is not committed is
not looked at. All times in the files are the commit's. They also depend on the zlib that compresses
them and on what the package index had at that time, so compare on the Python that SHA256SUMS was
made with: docs/release.md.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "patch"), str(ROOT / "scripts")]

from uv import find_uv_bin  # noqa: E402 - found by the line above, as the next are

import chart_archive  # noqa: E402
import sbom  # noqa: E402
from litellm_overlay.errors import OverlayError  # noqa: E402

SUMS = "SHA256SUMS"


def main() -> int:
    """Build and print the checksums; return 1, after an error message, if that fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commit", default="HEAD")
    parser.add_argument("--to", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    target = options.to or ROOT / "dist" / options.commit
    try:
        build(ROOT, options.commit, target)
    except OverlayError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    print((target / SUMS).read_text(), end="")
    return 0


def build(checkout: Path, commit: str, target: Path) -> None:
    """Build a commit's files into the folder `target`, atomically; OverlayError if that fails."""
    if target.exists():
        raise OverlayError(f"{target} is there already", "move it away, or name another folder")
    named = f"{commit}^{{commit}}"
    identity = git(checkout, "show", "--no-patch", "--format=%H %ct", named).decode().split()
    full, epoch = identity[0], int(identity[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".dist-") as scratch:
        source, made = Path(scratch) / "source", Path(scratch) / "made"
        made.mkdir()
        with tarfile.open(fileobj=io.BytesIO(git(checkout, "archive", full))) as archive:
            archive.extractall(source, filter="data")
        version = version_of(source)
        python_package(source, made, epoch)
        chart = source / "charts" / "litellm-overlay"
        chart_archive.pack(chart, made / f"{chart.name}-{version}.tgz", epoch)
        bill = sbom.bill(source, version, full, epoch)
        (made / f"{sbom.NAME}-{version}.cdx.json").write_text(bill, "utf-8")
        write_sums(made)
        made.replace(target)


def version_of(source: Path) -> str:
    """Return the toolkit's version in a source tree; OverlayError if it states none."""
    text = (source / "patch" / "litellm_overlay" / "__init__.py").read_text("utf-8")
    match = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if not match:
        raise OverlayError("patch/litellm_overlay/__init__.py has no __version__")
    return match[1]


def python_package(source: Path, made: Path, epoch: int) -> None:
    """Build the sdist, and from it the wheel."""
    done = subprocess.run(
        [find_uv_bin(), "build", "--quiet", "--out-dir", made, source],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    if done.returncode:
        raise OverlayError(f"uv build failed:\n{done.stderr.strip()}", "is the index out of reach?")
    (made / ".gitignore").unlink(missing_ok=True)  # uv's own


def write_sums(made: Path) -> None:
    """Write SHA256SUMS in the form that `sha256sum --check` reads."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(made.iterdir())
    ]
    (made / SUMS).write_text("".join(lines), "utf-8")


def git(checkout: Path, *arguments: str) -> bytes:
    """Return git's stdout; OverlayError with its message if it fails."""
    if not shutil.which("git"):
        raise OverlayError("git is needed and was not found")
    done = subprocess.run(
        ["git", "-C", str(checkout), *arguments], capture_output=True, check=False
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        raise OverlayError(f"git {arguments[0]} failed: {words}", "is this a checkout with git?")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
