"""Profile a warm turn over WebSocket and HTTP, by owner of the code: LiteLLM, the server, us.

    python scripts/bench_profile.py [LITELLM]

py-spy, fetched by uv, samples the proxy's event loop 250 times a second while 20 clients make
turns. On Linux it needs the right to trace (root, or ptrace_scope 0). A sample counts for the owner
of the innermost frame that has one: `json` called by our code is ours. Samples of the loop itself
are left out, since they do not tell waiting from work of the kernel.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bench_bounds import PATCH
from bench_kit import HEADERS, ask, create, socket
from bench_turns import AT_ONCE, TURN
from litellm_overlay.catalogue import releases
from litellm_overlay.local import environment, patching, processes

if TYPE_CHECKING:
    from collections.abc import Iterable

PY_SPY = (sys.executable, "-m", "uv", "tool", "run", "--from", "py-spy==0.4.3", "py-spy")
SECONDS = 20
THREADS = ThreadPoolExecutor(AT_ONCE)
RATE = 250  # samples a second
OWNERS = {  # owner -> pattern of py-spy's frames
    "ours": r"^_litellm_overlay\.",
    "uvicorn, websockets: deflate": r"permessage_deflate",
    "uvicorn, websockets, h11: the rest": r"/(uvicorn|websockets|h11|httptools)/",
    "Starlette, FastAPI": r"/(starlette|fastapi)/",
    "LiteLLM and what it calls": r"/litellm/",
}
SERVED = ("LiteLLM and what it calls", "Starlette, FastAPI")


def owner(frames: list[str]) -> str | None:
    """Return the owner of a stack, innermost frame last; None if it is the loop's own."""
    for frame in reversed(frames):
        for name, looks in OWNERS.items():
            if re.search(looks, frame):
                return name
    return None


def shares(stacks: Iterable[str]) -> Counter[str]:
    """Return the number of samples of the event loop's thread by owner."""
    counted: Counter[str] = Counter()
    for line in stacks:
        stack, _, number = line.rpartition(" ")
        _, loop, inner = stack.partition("/asyncio/runners.py:")
        if loop and ";" in inner and (whose := owner(inner.split(";")[1:])):
            counted[whose] += int(number)
    return counted


class Clients:
    """Clients that make turns until `stop` is set; each call of a method is one client."""

    def __init__(self, proxy: processes.Server) -> None:
        self._proxy = proxy
        self.stop = False

    async def by_websocket(self) -> None:
        """Make turns on one WebSocket."""
        async with socket(self._proxy) as connection:
            while not self.stop:
                await ask(connection, create(**TURN))

    async def by_http(self) -> None:
        """Make turns on one HTTP connection."""
        await asyncio.get_running_loop().run_in_executor(THREADS, self._post)

    def _post(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._proxy.port, timeout=60)
        headers = {**HEADERS, "Content-Type": "application/json"}
        while not self.stop:
            body = json.dumps({**TURN, "stream": True})
            connection.request("POST", "/v1/responses", body, headers)
            connection.getresponse().read()
        connection.close()


async def profile(proxy: processes.Server, name: str) -> Counter[str]:
    """Return the number of samples by owner; `name` is a method of Clients."""
    clients = Clients(proxy)
    running = [asyncio.ensure_future(getattr(clients, name)()) for _ in range(AT_ONCE)]
    await asyncio.sleep(5)  # which warms up
    with tempfile.NamedTemporaryFile() as samples:
        options = ("--rate", str(RATE), "--duration", str(SECONDS), "--full-filenames")
        command = (*PY_SPY, "record", *options, "--format", "raw", "--output", samples.name)
        process = await asyncio.create_subprocess_exec(
            *command, "--pid", str(proxy.process.pid), stdout=subprocess.DEVNULL
        )
        if await process.wait():
            raise SystemExit("py-spy failed; has this user the right to trace processes?")
        counted = shares(samples.read().decode().splitlines())
    clients.stop = True
    await asyncio.gather(*running)
    return counted


async def measure(proxy: processes.Server) -> None:
    """Print each owner's share both ways; LiteLLM with Starlette and FastAPI is 100."""
    ways = [await profile(proxy, name) for name in ("by_websocket", "by_http")]
    print(f"{'by 100 of what both ways need':36} WebSocket     HTTP")

    def tell(name: str, owners: Iterable[str]) -> None:
        parts = [sum(way[each] for each in owners) for way in ways]
        wholes = [sum(way[each] for each in SERVED) for way in ways]
        columns = [f"{100 * part / whole:9.1f}" for part, whole in zip(parts, wholes, strict=True)]
        print(f"  {name:34}", *columns)

    for name in reversed(OWNERS):
        tell(name, [name])
    tell("together", list(OWNERS))


def main(version: str) -> None:
    """Start mock and proxy, measure, print."""
    env = environment.create(version, name=f"patched-{PATCH}")
    patching.apply(env, PATCH)
    print(f"LiteLLM {version}, patch {PATCH}, {AT_ONCE} clients")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with (
            processes.start_mock(env, folder / "mock.jsonl") as mock,
            processes.start_proxy(
                env, processes.standard_config(mock.url), folder / "proxy.log"
            ) as proxy,
        ):
            asyncio.run(measure(proxy))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else releases.load().newest_affected)
