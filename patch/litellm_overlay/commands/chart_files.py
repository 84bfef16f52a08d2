"""Read the text files of a Helm chart, in a folder or an archive; unpack nothing to disk."""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING

from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TEXT = re.compile(r"(?:.*/)?(?:Chart\.yaml|values\.yaml|templates/.*\.(?:ya?ml|tpl))")
_ARCHIVE = re.compile(r"charts/([^/]+?)-v?\d[^/]*\.tgz")
_LARGEST = 4 << 20  # bytes of a file
_MOST = 5000  # files


def read_chart(path: Path) -> dict[str, str]:
    """Return path -> text of a chart's Chart.yaml, values.yaml and templates.

    Subcharts, packed or not, are below charts/NAME/. Raises OverlayError if the chart cannot be
    read or has no Chart.yaml.
    """
    try:
        texts = dict(_folder(path) if path.is_dir() else _archive(path.read_bytes()))
    except (OSError, tarfile.TarError, EOFError) as error:
        raise OverlayError(
            f"could not read the chart {path}: {error}", "name its folder or its .tgz"
        ) from error
    if "Chart.yaml" not in texts:
        raise OverlayError(f"{path} is no Helm chart: it has no Chart.yaml", "name its folder")
    return texts


def _folder(path: Path) -> Iterator[tuple[str, str]]:
    for number, file in enumerate(sorted(path.rglob("*"))):
        if number >= _MOST:
            raise OverlayError(f"{path} has more than {_MOST:,} files", "name the chart's folder")
        name = file.relative_to(path).as_posix()
        if file.is_file() and file.stat().st_size <= _LARGEST:
            yield from _file(name, file.read_bytes())


def _archive(content: bytes) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as archive:
        for number, member in enumerate(archive):
            if number >= _MOST:
                raise OverlayError(f"the chart has more than {_MOST:,} files")
            if member.isfile() and member.size <= _LARGEST:
                stream = archive.extractfile(member)
                name = member.name.partition("/")[2]  # without the chart's own folder
                yield from _file(name, stream.read() if stream else b"")


def _file(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    if _TEXT.fullmatch(name):
        yield name, content.decode(errors="replace")
    elif inner := _ARCHIVE.fullmatch(name):
        for path, text in _archive(content):
            yield f"charts/{inner[1]}/{path}", text
