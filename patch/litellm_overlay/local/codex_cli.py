"""Install the real Codex CLI by version with npm, run it once, and read its events."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_overlay.errors import OverlayError
from litellm_overlay.local import processes
from litellm_overlay.local.cache import cache_root, locked, removed_on_failure
from litellm_overlay.responses.codex_config import KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.local.cache import Progress

RUN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class CodexRun:
    """One run of `codex exec --json`: its events, each with its time in seconds, and its end."""

    wall_seconds: float
    exit_code: int
    events: tuple[tuple[float, dict[str, Any]], ...]
    stderr: str

    @property
    def completed(self) -> bool:
        """Tell whether the turn was completed."""
        return self.exit_code == 0 and self._at("turn.completed") is not None

    @property
    def turn_seconds(self) -> float | None:
        """Return the seconds from the turn's start to its end, None if it has not ended."""
        begun, ended = self._at("turn.started"), self._at("turn.completed", "turn.failed")
        return None if begun is None or ended is None else ended - begun

    @property
    def messages(self) -> list[str]:
        """Return the model's messages."""
        return [item["text"] for item in self._items("agent_message")]

    @property
    def commands(self) -> list[int]:
        """Return the exit code of each command that the model had Codex run."""
        return [item["exit_code"] for item in self._items("command_execution")]

    @property
    def errors(self) -> list[str]:
        """Return the errors that Codex showed, retries included."""
        shown = [event for _, event in self.events if event.get("type") == "error"]
        return [str(error.get("message")) for error in shown + self._items("error")]

    def _at(self, *kinds: str) -> float | None:
        return next((second for second, event in self.events if event.get("type") in kinds), None)

    def _items(self, kind: str) -> list[dict[str, Any]]:
        completed = [e["item"] for _, e in self.events if e.get("type") == "item.completed"]
        return [item for item in completed if item.get("type") == kind]


def find(wanted: str, *, cache: Path | None = None, progress: Progress = print) -> Path:
    """Return the path of the Codex CLI; `wanted` is a path, a command or a version to install."""
    if re.fullmatch(r"\d+\.\d+\.\d+([-.].+)?", wanted):
        return install(wanted, cache=cache, progress=progress)
    binary = shutil.which(wanted)
    if not binary:
        raise OverlayError(
            f"there is no Codex at {wanted!r}", hint='give a path, or a version such as "0.118.0"'
        )
    return Path(binary).absolute()


def install(version: str, *, cache: Path | None = None, progress: Progress = print) -> Path:
    """Return the path of a version's Codex CLI; install it with npm into the cache if missing."""
    root = cache_root(cache) / "codex" / version
    binary = root / "node_modules" / ".bin" / "codex"
    complete = root / "complete"
    with locked(root):
        if not complete.exists():
            npm = shutil.which("npm")
            if not npm:
                raise OverlayError(
                    "npm is needed to install Codex and was not found",
                    hint="install Node.js (https://nodejs.org), or give the path of a Codex binary",
                )
            progress(f"installing Codex {version} with npm (160 to 400 MiB, once)")
            with removed_on_failure(root):
                root.mkdir()
                package = f"@openai/codex@{version}"
                options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
                done = subprocess.run(
                    [npm, "install", *options, "--prefix", root, package],
                    cwd=root,
                    capture_output=True,
                    check=False,
                    text=True,
                )
                if done.returncode or not binary.exists():
                    last_lines = "\n".join(done.stderr.strip().splitlines()[-8:])
                    raise OverlayError(f"npm could not install {package}:\n{last_lines}")
                complete.touch()
    return binary


def run(
    binary: Path, config_toml: str, key: str, prompt: str, *, timeout: float = RUN_SECONDS
) -> CodexRun:
    """Run `codex exec` once, in an empty folder with a home directory of its own.

    Codex runs the model's commands without approval or sandbox, so the model must be a mock. A run
    that takes longer than `timeout` seconds is terminated, and is not `completed`.
    """
    command: list[str | Path] = [binary, "exec", "--json", "--skip-git-repo-check"]
    command += ["--dangerously-bypass-approvals-and-sandbox", prompt]
    with own_home(config_toml, key) as (work, environ):
        errors = work.parent / "stderr"
        began = time.monotonic()
        with errors.open("wb") as stderr:
            streams = {"stdout": subprocess.PIPE, "stderr": stderr}
            with processes.running(command, environ, work, **streams) as process:
                timer = threading.Timer(timeout, processes.terminate, [process])
                timer.daemon = True
                timer.start()
                events = tuple(
                    (time.monotonic() - began, json.loads(line))
                    for line in process.stdout or ()
                    if line.startswith(b"{")
                )
                exit_code = process.wait()
                timer.cancel()
        wall = time.monotonic() - began
        return CodexRun(wall, exit_code, events, errors.read_text(errors="replace"))


@contextlib.contextmanager
def own_home(config_toml: str, key: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield an empty working folder, and environment variables without the user's Codex home."""
    switches = "check_for_update_on_startup = false\n"
    ending = "\n[analytics]\nenabled = false\n"
    with tempfile.TemporaryDirectory(prefix="codex-", ignore_cleanup_errors=True) as scratch:
        home, work = Path(scratch) / "home", Path(scratch) / "work"
        home.mkdir()
        work.mkdir()
        (home / "config.toml").write_text(switches + config_toml + ending)
        own = {"HOME": str(home), "CODEX_HOME": str(home), KEY_VARIABLE: key}
        yield work, {**processes.environ_for({}), **own}


def count_requests(access_log: str) -> dict[str, int]:
    """Return the numbers of accepted WebSockets, refused ones and POSTs in uvicorn's log."""
    patterns = {
        "accepted": r'"WebSocket \S*/responses\S*" \[accepted\]',
        "refused": r'"WebSocket \S*/responses\S*" \d+',
        "posts": r'"POST \S*/responses\S* HTTP',
    }
    return {name: len(re.findall(pattern, access_log)) for name, pattern in patterns.items()}
