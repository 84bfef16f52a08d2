"""Run and time the steps of a long job."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
LAST_WORDS = 12  # lines of a failed program's output to show


class Phases:
    """Times of named phases, in a file of JSON lines that the driver and the tests append to."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Print that a phase begins; append its seconds to the file if it succeeds."""
        print(f"=== {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        yield
        self.note(name, time.monotonic() - began)

    def note(self, name: str, seconds: float) -> None:
        """Append the seconds of a phase to the file."""
        with self.file.open("a") as file:
            file.write(json.dumps([name, round(seconds, 1)]) + "\n")

    def table(self) -> str:
        """Return a table of all phases as text, in the order in which they ended."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return "\n".join(f"{seconds:8.1f} s  {name}" for name, seconds in map(json.loads, lines))


def run(
    *argv: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    errors_too: bool = False,
) -> str:
    """Run a program; return its stdout, with `errors_too` followed by its stderr.

    Raises OverlayError, with the program's last lines, if it fails or does not exist.
    """
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise OverlayError(f"{argv[0]} is needed and was not found") from None
    if done.returncode:
        last_lines = (done.stdout + done.stderr).strip().splitlines()[-LAST_WORDS:]
        command = shlex.join(map(str, argv))
        raise OverlayError(f"`{command:.200}` failed:\n" + "\n".join(last_lines))
    return done.stdout + done.stderr if errors_too else done.stdout


def pipe(source: list[str | Path], target: list[str | Path]) -> None:
    """Pipe one program's stdout into another's stdin; OverlayError if either fails."""
    with subprocess.Popen(source, stdout=subprocess.PIPE) as first:
        second = subprocess.run(
            target, stdin=first.stdout, capture_output=True, text=True, check=False
        )
    if first.returncode or second.returncode:
        last_lines = second.stderr.strip().splitlines()[-LAST_WORDS:]
        names = f"{source[0]} | {target[0]} {target[1]}"
        raise OverlayError(f"`{names}` failed:\n" + "\n".join(last_lines))


def fingerprint(*parts: object) -> str:
    """Return eight hexadecimal digits that change with the content of files or other parts."""
    texts = [part.read_text() if isinstance(part, Path) else repr(part) for part in parts]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]
