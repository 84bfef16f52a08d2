"""Pack the chart as `helm package` does, but to the same bytes each time.

Helm stamps every member with the present, and needs Go to be built. Here the time is the commit's,
members are sorted, and nobody owns them. A test holds the members equal to Helm's.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def pack(chart: Path, target: Path, epoch: int) -> None:
    """Write the archive of a chart's folder; `epoch` is the time of all in it, in seconds."""
    scratch = io.BytesIO()
    with tarfile.open(fileobj=scratch, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, name in members(chart):
            item = tarfile.TarInfo(f"{chart.name}/{name}")
            content = path.read_bytes()
            item.size, item.mtime, item.mode = len(content), epoch, 0o644
            archive.addfile(item, io.BytesIO(content))
    # No name and no time in the head; 9 is the default, said since the bytes depend on it.
    target.write_bytes(gzip.compress(scratch.getvalue(), compresslevel=9, mtime=0))


def members(chart: Path) -> list[tuple[Path, str]]:
    """Return the path and archive name of each packed file; Chart.yaml comes first, as in Helm."""
    patterns = [line for line in (chart / ".helmignore").read_text().splitlines() if line]
    files = [
        (path, path.relative_to(chart).as_posix())
        for path in sorted(chart.rglob("*"))
        if path.is_file()
    ]
    kept = [(path, name) for path, name in files if not _ignored(name, patterns)]
    return sorted(kept, key=lambda item: (item[1] != "Chart.yaml", item[1]))


def _ignored(name: str, patterns: list[str]) -> bool:
    """Match a name against .helmignore; only its three forms are read: /ci/, .git/ and *.tgz."""
    parts = name.split("/")
    for pattern in patterns:
        bare = pattern.strip("/")
        if pattern.startswith("/"):
            matches = parts[0] == bare
        else:
            matches = any(
                fnmatch(part, bare) for part in (parts[:-1] if pattern.endswith("/") else parts)
            )
        if matches:
            return True
    return False
