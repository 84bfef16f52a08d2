"""Release the toolkit and its chart: `make release VERSION=0.1.0`.

    python scripts/release.py VERSION

VERSION is that of toolkit and chart, which are released together; patch versions have numbers of
their own. Releases the patch versions that are not yet released, writes VERSION and changelog,
syncs the chart, commits, builds (scripts/build_release.py) and tags v<VERSION>. All of it is done
in a worktree of its own: the checkout gets commit and tag at the end, or nothing. Files lie in
dist/<VERSION>. Nothing is pushed or uploaded, and no test is run: docs/release.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "patch"), str(ROOT / "scripts")]

from build_release import SUMS, build, git  # noqa: E402 - found by the line above
from litellm_overlay.catalogue.patch_files import version_key  # noqa: E402
from litellm_overlay.errors import OverlayError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

UNRELEASED = "## Unreleased\n"


def main() -> int:
    """Release a version; return 1, after an error message, if that fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", metavar="VERSION", help="such as 0.1.0")
    version = parser.parse_args().version
    try:
        release(version)
    except OverlayError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        print(f"error: {error}{hint}", file=sys.stderr)
        return 1
    print(f"released {version}: commit, tag v{version}, dist/{version}")
    print(f"next: git push --follow-tags, and publish dist/{version}: docs/release.md")
    return 0


def release(version: str) -> None:
    """Release a version completely, or leave the checkout as it is and raise OverlayError."""
    refuse(version)
    tag = f"v{version}"
    with worktree() as place:
        run(place, "freeze_version.py", "--release", version)
        today = dt.datetime.now(dt.timezone.utc).date().isoformat()
        changelog = place / "CHANGELOG.md"
        dated = with_section(changelog.read_text("utf-8"), version, today)
        changelog.write_text(dated, "utf-8")
        replace(place / "patch/litellm_overlay/__init__.py", r"__version__ = .*",
                f'__version__ = "{version}"')  # fmt: skip
        for file in ("charts/litellm-overlay/Chart.yaml", "plugins/helm-4/plugin.yaml"):
            replace(place / file, r"version: .*", f"version: {version}")
        run(place, "sync_chart.py")
        git(place, "add", "--all")
        git(place, "commit", "--quiet", "--message", f"Release {version}")
        run(place, "freeze_version.py", "--check")
        made = place.parent / "dist"
        build(place, "HEAD", made)
        commit = git(place, "rev-parse", "HEAD").decode().strip()
        words = (f"litellm-overlay {version}", (made / SUMS).read_text("utf-8"))
        git(ROOT, "tag", "--annotate", *(f"--message={text}" for text in words), tag, commit)
        try:
            git(ROOT, "merge", "--quiet", "--ff-only", commit)
        except OverlayError:
            git(ROOT, "tag", "--delete", tag)
            raise
        made.rename(ROOT / "dist" / version)


def refuse(version: str) -> None:
    """Raise OverlayError if a release is not possible, before anything is changed."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version, re.ASCII):
        raise OverlayError(f"{version!r} is no version", "it looks like 0.1.0")
    top = Path(git(ROOT, "rev-parse", "--show-toplevel").decode().strip()).resolve()
    if top != ROOT.resolve():
        raise OverlayError(f"{ROOT} is no checkout of its own", "clone the repository")
    if git(ROOT, "status", "--porcelain"):
        raise OverlayError("the checkout has changes that are not committed", "git status")
    tags = git(ROOT, "tag", "--list", "v*").decode().split()
    newest = max((tag[1:] for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag, re.ASCII)),
                 key=version_key, default="")  # fmt: skip
    if newest and version_key(version) <= version_key(newest):
        raise OverlayError(f"{version} is not above {newest}, the newest release")
    if (ROOT / "dist" / version).exists():
        raise OverlayError(f"dist/{version} is there already", "move it away")
    with_section((ROOT / "CHANGELOG.md").read_text("utf-8"), version, "")


def with_section(changelog: str, version: str, date: str) -> str:
    """Return the changelog with unreleased changes under `version`; OverlayError without any."""
    before, heading, rest = changelog.partition(UNRELEASED)
    if not heading or not rest.partition("\n## ")[0].strip():
        raise OverlayError(
            "CHANGELOG.md says nothing under Unreleased", "say there what an operator will notice"
        )
    return f"{before}{UNRELEASED}\n## {version} ({date})\n{rest}"


def replace(path: Path, pattern: str, line: str) -> None:
    """Replace the one line that matches a pattern; OverlayError if there is not exactly one."""
    text, times = re.subn(f"^{pattern}$", line, path.read_text("utf-8"), flags=re.MULTILINE)
    if times != 1:
        raise OverlayError(f"{path.name} has {times} lines that look like {line!r}")
    path.write_text(text, "utf-8")


@contextlib.contextmanager
def worktree() -> Iterator[Path]:
    """Yield a temporary worktree of HEAD, below dist/ so that built files can be renamed there."""
    (ROOT / "dist").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "dist", prefix=".release-") as scratch:
        place = Path(scratch) / "tree"
        git(ROOT, "worktree", "add", "--quiet", "--detach", str(place), "HEAD")
        try:
            yield place
        finally:
            git(ROOT, "worktree", "remove", "--force", str(place))


def run(place: Path, script: str, *arguments: str) -> None:
    """Run a script of the worktree; OverlayError with its message if it fails."""
    command = [sys.executable, str(place / "scripts" / script), *arguments]
    done = subprocess.run(command, cwd=place, capture_output=True, check=False, text=True)
    if done.returncode:
        message, _, hint = done.stderr.strip().removeprefix("error: ").partition("\nhint: ")
        raise OverlayError(message or f"{script} failed", hint)


if __name__ == "__main__":
    sys.exit(main())
