"""Read and write files that are named on the command line, including `-`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from litellm_overlay.errors import OverlayError

_UTF_8 = (
    "save it as UTF-8: iconv --from-code=UTF-16 --to-code=UTF-8 FILE; in PowerShell, "
    "Out-File -Encoding utf8"
)
FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


def read_text(path: Path) -> str:
    """Return the text of a file, or of stdin for "-"; OverlayError if it is not UTF-8."""
    try:
        # Read bytes: in text mode Python would convert line ends.
        with click.open_file(str(path), "rb") as stream:
            content: bytes = stream.read()
        if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
            raise OverlayError(f"{path} is UTF-16 text, not UTF-8", _UTF_8)
        return content.decode()
    except OSError as error:
        raise OverlayError(f"could not read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OverlayError(f"{path} is not UTF-8 text", _UTF_8) from error


def write_stdout(text: str) -> None:
    """Write a text to stdout as bytes, so that its line ends stay as they are."""
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files (name -> text) into a folder, each one atomically."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            fresh = folder / f".{name}.new"
            fresh.write_bytes(text.encode())
            fresh.replace(folder / name)
    except OSError as error:
        raise OverlayError(f"could not write into {folder}: {error.strerror}") from error
