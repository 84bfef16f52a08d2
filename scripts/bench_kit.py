"""Tools to measure a running proxy: a watch on its process, a POST, a WebSocket."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from socket import create_connection
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect

from litellm_overlay.local import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.local.environment import LiteLLMEnvironment

TERMINAL = {
    "response.completed",
    "response.failed",
    "response.incomplete",
    "error",
    "litellm_overlay.event_refused",  # ends no turn, but answers a message
}
NO_MODEL = "no-such-model"  # LiteLLM refuses it, as it refuses a model that the key may not use
HEADERS = {"Authorization": f"Bearer {processes.MASTER_KEY}"}


class Watch:
    """Measurements of a proxy's process: CPU seconds, memory growth, longest silence."""

    def __init__(self, proxy: processes.Server) -> None:
        self._proxy = proxy
        self._folder = Path(f"/proc/{proxy.process.pid}")
        self.silence = 0.0  # seconds: the slowest answer to a liveness probe
        self._stop = threading.Event()
        self._rss = self.rss()
        self._peak = self._rss
        self._cpu = self._cpu_seconds()

    def rss(self) -> float:
        """Return the process's resident memory in MiB."""
        status = (self._folder / "status").read_text()
        match = re.search(r"VmRSS:\s+(\d+)", status)
        return int(match[1]) / 1024 if match else 0.0

    def _cpu_seconds(self) -> float:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def cpu(self) -> float:
        """Return the CPU seconds since the watch began."""
        return self._cpu_seconds() - self._cpu

    @property
    def growth(self) -> float:
        """Return the largest growth of resident memory since the watch began, in MiB."""
        return max(self._peak, self.rss()) - self._rss

    def told(self) -> str:
        """Return growth, silence and CPU as columns."""
        return f"{self.growth:6.0f} MiB {self.silence:7.2f} s {self.cpu:6.1f} s"

    @contextlib.contextmanager
    def asking(self) -> Iterator[Watch]:
        """Probe liveness and sample memory until the block ends."""
        threads = [threading.Thread(target=each) for each in (self._ask, self._look)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(0.05):
            began = time.perf_counter()
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self._proxy.url}/health/liveliness", timeout=120).read()  # noqa: S310
            self.silence = max(self.silence, time.perf_counter() - began)

    def _look(self) -> None:
        while not self._stop.wait(0.02):
            self._peak = max(self._peak, self.rss())


BARE = """
import sys, uvicorn

async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": '{"type":"error"}'})

uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", log_level="error")
"""


@contextlib.contextmanager
def bare(env: LiteLLMEnvironment, log: Path) -> Iterator[processes.Server]:
    """Run LiteLLM's own server with an application that answers each WebSocket message at once."""
    port = processes.free_port()
    argv = [str(env.python), "-c", BARE, str(port)]
    with processes.run_logged(log, argv, processes.environ_for({})) as process:
        processes.wait_for(lambda: _listens(port), process, log, "uvicorn")
        yield processes.Server(port, log, process)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def post(proxy: processes.Server, body: bytes) -> None:
    """POST a body to /v1/responses, and read the answer, which may be an HTTP error."""
    headers = {**HEADERS, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{proxy.url}/v1/responses", body, headers)  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=300).read()  # noqa: S310
    except urllib.error.HTTPError as error:
        error.read()


def socket(
    proxy: processes.Server,
    query: str = "",
    *,
    key: str | None = None,
    compression: str | None = "deflate",
) -> connect:
    """Return a connection like Codex's; by default its messages are compressed."""
    url = f"{proxy.ws_url}/v1/responses{query}"
    headers = {"Authorization": f"Bearer {key}"} if key else HEADERS
    told: dict[str, Any] = {"max_size": None, "proxy": None, "open_timeout": 60}
    return connect(url, additional_headers=headers, compression=compression, **told)


async def ask(connection: ClientConnection, text: str) -> dict[str, Any]:
    """Send a message; return the event that ends its turn."""
    await connection.send(text)
    event: dict[str, Any] = {"type": None}
    while event["type"] not in TERMINAL:
        event = json.loads(await connection.recv())
    return event


def create(**fields: Any) -> str:
    """Return a `response.create` frame as JSON text, with `store` false."""
    return json.dumps({"type": "response.create", "store": False, **fields})
