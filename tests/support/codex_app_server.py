"""Several turns in one Codex process: `codex app-server`, JSON-RPC lines on stdin and stdout.

`codex exec` runs one process per turn, so it cannot show that a second turn reuses the connection.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_overlay.local import codex_cli, processes
from litellm_overlay.responses import codex_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Turn:
    """The result of a turn; `status` is "completed", "failed" or "out of time"."""

    status: str
    seconds: float
    text: str
    outputs: list[str]  # of the commands that Codex ran for the model
    errors: list[str]


class AppServer:
    """One thread in a Codex process. A call or turn of over `timeout` seconds ends the process."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, timeout: float) -> None:
        assert process.stdin
        assert process.stdout
        self.process, self.stdin, self.stdout = process, process.stdin, process.stdout
        self.timeout = timeout
        self.ids = itertools.count(1)
        client = {"name": "litellm-overlay-tests", "title": "tests", "version": "0"}
        self.call("initialize", clientInfo=client)
        self.send({"method": "initialized", "params": {}})
        trusted = {"approvalPolicy": "never", "sandbox": "danger-full-access"}
        self.thread = self.call("thread/start", cwd=str(folder), **trusted)["thread"]["id"]

    def send(self, message: dict[str, Any]) -> None:
        """Write one JSON line."""
        self.stdin.write(json.dumps(message).encode() + b"\n")
        self.stdin.flush()

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield Codex's messages until it ends or the time is up."""
        timer = threading.Timer(self.timeout, processes.terminate, [self.process])
        timer.daemon = True
        timer.start()
        try:
            for line in self.stdout:
                yield json.loads(line)
        finally:
            timer.cancel()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result of a JSON-RPC call; fail on an error or if Codex ends first."""
        number = next(self.ids)
        self.send({"id": number, "method": method, "params": params})
        for message in self.messages():
            if message.get("id") == number:
                assert "result" in message, message
                result: dict[str, Any] = message["result"]
                return result
        raise AssertionError(f"Codex did not answer {method}")

    def turn(self, text: str) -> Turn:
        """Send a user's message; return its turn once the turn has ended."""
        began = time.monotonic()
        self.call("turn/start", threadId=self.thread, input=[{"type": "text", "text": text}])
        messages: list[str] = []
        outputs: list[str] = []
        errors: list[str] = []
        status = "out of time"
        for message in self.messages():
            params = message.get("params") or {}
            item = params.get("item") or {}
            if message.get("method") == "item/completed":
                if item["type"] == "agentMessage":
                    messages.append(item["text"])
                elif item["type"] == "commandExecution":
                    outputs.append(item["aggregatedOutput"])
            elif message.get("method") == "error":
                errors.append(params["error"]["message"])
            elif message.get("method") == "turn/completed":
                status = params["turn"]["status"]
                break
        return Turn(status, time.monotonic() - began, "".join(messages), outputs, errors)


@contextlib.contextmanager
def session(
    binary: Path,
    base_url: str,
    model: str,
    key: str,
    *,
    timeout: float = 60,
    websockets: bool = True,
    more: str = "",
) -> Iterator[AppServer]:
    """Run Codex with a home of its own against the proxy at `base_url`, which ends in /v1.

    `more` is appended to Codex's configuration, in the provider's section.
    """
    config = codex_config.config(base_url, model, websockets=websockets) + more
    with codex_cli.own_home(config, key) as (work, environ):
        errors = work.parent / "stderr"
        with errors.open("wb") as stderr:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": stderr}
            command: list[str | Path] = [binary, "app-server"]
            with processes.running(command, environ, work, **pipes) as process:
                try:
                    yield AppServer(process, work, timeout)
                except (AssertionError, BrokenPipeError) as error:
                    error.args = (f"{error}\n{errors.read_text(errors='replace')[-2000:]}",)
                    raise
