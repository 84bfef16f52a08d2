"""Time a warm turn over WebSocket, through the bridge, beside the same turn over HTTP.

    python scripts/bench_turn.py [LITELLM] [TURNS]

Both ways alternate in one run, on one patched proxy, with one mock provider; medians and their
ratio are printed. The mock waits 50 ms before its first delta and 5 ms before each of six.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from litellm_overlay import catalogue, environment, overlay, probe, processes

PATCH = "2.0.0"
BODY = {"model": "gpt-4o", "input": "hi", "store": False}
WARM_UP = 5


def over_http(url: str) -> float:
    """POST a turn as a stream and read it to its end; return milliseconds."""
    headers = {
        "Authorization": f"Bearer {processes.MASTER_KEY}",
        "Content-Type": "application/json",
    }
    data = json.dumps({**BODY, "stream": True}).encode()
    request = urllib.request.Request(f"{url}/v1/responses", data, headers)  # noqa: S310
    began = time.perf_counter()
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        answer.read()
    return (time.perf_counter() - began) * 1000


async def measure(url: str, turns: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each turn over WebSocket and over HTTP, alternating."""
    websocket, http = [], []
    async with probe.connect(url, processes.MASTER_KEY) as connection:
        for number in range(WARM_UP + turns):
            began = time.perf_counter()
            turn = await connection.turn({"type": "response.create", **BODY})
            took = (time.perf_counter() - began) * 1000
            if not turn.completed:
                raise SystemExit(f"the turn did not complete: {turn.error}")
            other = await asyncio.to_thread(over_http, url)
            if number >= WARM_UP:
                websocket.append(took)
                http.append(other)
    return websocket, http


def main(version: str, turns: int) -> None:
    """Start everything, measure, print."""
    env = environment.create(version, name=f"patched-{PATCH}")
    overlay.apply(env, PATCH)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with (
            processes.start_mock(env, folder / "mock.jsonl") as mock,
            processes.start_proxy(
                env, processes.standard_config(mock.url), folder / "proxy.log"
            ) as proxy,
        ):
            websocket, http = asyncio.run(measure(proxy.url, turns))
    ours, theirs = statistics.median(websocket), statistics.median(http)
    print(f"LiteLLM {version}, patch {PATCH}, {turns} turns each, medians:")
    print(f"  WebSocket {ours:6.1f} ms")
    print(f"  HTTP      {theirs:6.1f} ms")
    print(f"  ratio     {ours / theirs:6.3f}")


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else catalogue.load().newest_affected,
        int(sys.argv[2]) if len(sys.argv) > 2 else 40,
    )
