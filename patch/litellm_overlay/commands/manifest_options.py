"""Options of the verbs that read manifests, from files, folders or stdin."""

from __future__ import annotations

import functools
import io
import os
import re
import select
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from litellm_overlay.commands.files import read_text
from litellm_overlay.errors import OverlayError, ValuesError
from litellm_overlay.objects import yaml_tree
from litellm_overlay.objects.manifests import documents
from litellm_overlay.printed import shell_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SUFFIXES = {".yaml", ".yml", ".json"}  # the files that kubectl reads in a folder
_STDIN = Path("-")
_PATH = click.Path(allow_dash=True, path_type=Path)
_WAIT = 2  # seconds to wait for data in a pipe on stdin when a file is named
_KEYS = [
    re.compile(rf'^(?:"?{key}"?\s*:)|^\s*"{key}"\s*:', re.MULTILINE)
    for key in ("apiVersion", "kind")
]


@dataclass(frozen=True, slots=True)
class Manifests:
    """The files and folders that the operator named; without any, stdin is read."""

    paths: tuple[Path, ...]
    recursive: bool

    @property
    def named(self) -> bool:
        """Tell whether any file or folder is named."""
        return bool(self.paths)

    def read(self, *, values_option: bool = False) -> str:
        """Return all manifests as one YAML stream; a single file, or stdin, unchanged.

        Raises UsageError if there is no input, or if stdin has data that would be ignored. Raises
        ValuesError for a file that looks like values; `values_option` makes its hint name --values.
        """
        if not self.paths and sys.stdin.isatty():
            raise click.UsageError("Give manifests on stdin, or name a file.")
        if self.paths and _STDIN not in self.paths and stdin_has_data():
            raise click.UsageError(
                "Manifests are on stdin, and a file is named as well: one of them would be lost. "
                "For the overlay's values there is --values; - among the files is stdin, "
                "and < /dev/null is none."
            )
        texts = []
        for path in self.paths or (_STDIN,):
            for file in self._files(path):
                text = read_text(file)
                if file != _STDIN:
                    _refuse_values(file, text, values_option=values_option)
                texts.append(text)
        return _joined(texts)

    def _files(self, path: Path) -> Iterator[Path]:
        if path == _STDIN or not path.is_dir():
            yield path
            return
        listed = path.rglob("*") if self.recursive else path.iterdir()
        manifests = sorted(it for it in listed if it.suffix in _SUFFIXES and it.is_file())
        if not manifests:
            raise ValuesError(
                f"the folder {path} has no file that ends in .yaml, .yml or .json",
                "" if self.recursive else "with -R, folders in it are looked at, too",
            )
        yield from manifests


def manifest_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which receives them as `manifests`, a Manifests."""

    @functools.wraps(command)
    def collected(**options: Any) -> None:
        paths = (*options.pop("paths"), *options.pop("filename"))
        command(manifests=Manifests(paths, options.pop("recursive")), **options)

    for option in (
        click.option("-R", "--recursive", is_flag=True, help="Look into folders of folders, too."),
        click.option(
            "-f",
            "--filename",
            type=_PATH,
            multiple=True,
            help="The same as FILE or FOLDER, as kubectl has it.",
        ),
        click.argument("paths", type=_PATH, nargs=-1, metavar="[FILE|FOLDER]..."),
    ):
        collected = option(collected)
    return collected


def stdin_has_data() -> bool:
    """Tell whether stdin has data: a file, or a pipe or socket with something to read.

    Waits up to 2 seconds for a pipe, since the program that writes into it may be slower.
    """
    try:
        number = sys.stdin.fileno()
        kind = os.fstat(number)
    except (AttributeError, OSError, ValueError):  # closed, or none
        return False
    if stat.S_ISREG(kind.st_mode):
        return kind.st_size > os.lseek(number, 0, os.SEEK_CUR)
    if not (stat.S_ISFIFO(kind.st_mode) or stat.S_ISSOCK(kind.st_mode)):
        return False
    buffer = sys.stdin.buffer
    readable = bool(select.select([number], [], [], _WAIT)[0])
    return readable and isinstance(buffer, io.BufferedReader) and bool(buffer.peek(1))


def _refuse_values(path: Path, text: str, *, values_option: bool) -> None:
    """Raise ValuesError if a file holds mappings but no Kubernetes object."""
    if all(key.search(text) for key in _KEYS):
        return
    try:
        contents = [yaml_tree.load(each) for each in documents(text)]
    except OverlayError:
        return  # the command that reads it reports the error
    mappings = [each for each in contents if isinstance(each, dict)]
    if mappings and not any(map(_is_object, mappings)):
        raise ValuesError(
            f"{path} has no apiVersion and kind, so it is no manifest",
            f"did you mean --values {shell_word(path)}?"
            if values_option
            else "rendered manifests are read, or the output of kubectl get",
        )


def _is_object(data: dict[str, Any]) -> bool:
    """Tell whether a mapping is a Kubernetes object or a List."""
    kind = str(data.get("kind", ""))
    return bool(kind) and ("apiVersion" in data or kind.endswith("List"))


def _joined(texts: list[str]) -> str:
    """Return YAML streams joined into one, each starting with a new document."""
    whole, *more = texts
    for text in more:
        text = text.removeprefix("\ufeff")  # noqa: PLW2901 - a BOM may only come first
        end = "" if not whole or whole.endswith("\n") else "\n"
        whole += end + ("" if text.startswith("---") else "---\n") + text
    return whole
