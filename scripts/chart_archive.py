"""Pack the chart as `helm package` does, but reproducibly.

Helm gives every member the current time, and building it needs Go. Here members have the commit's
time, are sorted, and have no owner. A test checks that the members equal Helm's.
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
    """Write the archive of a chart's folder; `epoch` is the time of its members, in seconds."""
    scratch = io.BytesIO()
    with tarfile.open(fileobj=scratch, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, name in members(chart):
            item = tarfile.TarInfo(f"{chart.name}/{name}")
            content = path.read_bytes()
            item.size, item.mtime, item.mode = len(content), epoch, 0o644
            archive.addfile(item, io.BytesIO(content))
    # No name or time in the header. 9 is the default; it is explicit, as the bytes depend on it.
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
    """Tell whether .helmignore excludes a name; only the forms /ci/, .git/ and *.tgz work."""
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
