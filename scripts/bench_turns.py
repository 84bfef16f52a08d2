"""What a warm turn takes: over WebSocket beside HTTP, and with LiteLLM's other HTTP client."""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench_kit import HEADERS, Watch, ask, create, socket
from figures import Row
from litellm_overlay.local import processes

TURN = {"model": "gpt-4o", "input": "hi", "store": False}
AT_ONCE = 20
ALONE = 40


async def over_websocket(proxy: processes.Server, turns: int) -> None:
    """Make so many turns on one connection."""
    async with socket(proxy) as connection:
        for _ in range(turns):
            event = await ask(connection, create(**TURN))
            if event["type"] != "response.completed":
                raise SystemExit(f"the turn did not complete: {event}")


def over_http(proxy: processes.Server, turns: int) -> None:
    """Make so many turns on one connection, which is kept alive."""
    host = proxy.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    body = json.dumps({**TURN, "stream": True})
    for _ in range(turns):
        headers = {**HEADERS, "Content-Type": "application/json"}
        connection.request("POST", "/v1/responses", body, headers)
        if b"response.completed" not in connection.getresponse().read():
            raise SystemExit("the turn did not complete")
    connection.close()


Way = Callable[[], Awaitable[object]]


async def take_turns(
    ways: Mapping[str, tuple[processes.Server, Way]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Print, of each way, CPU ms a turn and turns a second, 20 at once; the ways alternate."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, (proxy, way) in ways.items():
            watch, began = Watch(proxy), time.perf_counter()
            await asyncio.gather(*(way() for _ in range(AT_ONCE)))
            spent[name].append(watch.cpu * 1000 / AT_ONCE / 10)
            rates[name].append(AT_ONCE * 10 / (time.perf_counter() - began))
    lines = {  # the first round warms up
        name: (statistics.median(spent[name][1:]), statistics.median(rates[name][1:]))
        for name in ways
    }
    print(f"warm turns, {AT_ONCE} at once          CPU a turn    turns/s")
    for name, (cpu, rate) in lines.items():
        print(f"  {name:28} {cpu:6.1f} ms  {rate:8.1f}")
    ours, theirs = lines.values()
    print(f"  {'ratio':28} {ours[0] / theirs[0]:6.2f}     {ours[1] / theirs[1]:8.2f}")
    return lines


async def warm_turns(
    proxy: processes.Server, _stock: processes.Server, options: Any
) -> dict[str, Row]:
    """Print what a warm turn takes over WebSocket and over HTTP."""
    threads = ThreadPoolExecutor(AT_ONCE)
    loop = asyncio.get_running_loop()
    ways: dict[str, tuple[processes.Server, Way]] = {
        "WebSocket": (proxy, lambda: over_websocket(proxy, 10)),
        "HTTP": (proxy, lambda: loop.run_in_executor(threads, over_http, proxy, 10)),
    }
    lines = await take_turns(ways, options.rounds)
    alone: dict[str, list[float]] = {name: [] for name in ways}
    async with socket(proxy) as connection:
        for _ in range(ALONE):
            began = time.perf_counter()
            await ask(connection, create(**TURN))
            alone["WebSocket"].append(time.perf_counter() - began)
            began = time.perf_counter()
            await asyncio.to_thread(over_http, proxy, 1)
            alone["HTTP"].append(time.perf_counter() - began)
    ours, theirs = (statistics.median(alone[name]) * 1000 for name in ways)
    print(f"one alone, of {ALONE}: {ours:.1f} ms, HTTP {theirs:.1f} ms, ratio {ours / theirs:.3f}")
    (cpu, rate), (their_cpu, their_rate) = lines.values()
    names = f"{AT_ONCE} at once: bridge / HTTP"
    return {
        "turn-cpu": Row(f"CPU of a warm turn, {names}", cpu, their_cpu, "ms"),
        "turn-rate": Row(f"warm turns a second, {names}", rate, their_rate, "/s"),
        "turn-time": Row("time of a warm turn alone: bridge / HTTP", ours, theirs, "ms"),
    }


async def transport(
    proxy: processes.Server, _stock: processes.Server, options: Any
) -> dict[str, Row]:
    """Print what DISABLE_AIOHTTP_TRANSPORT=True makes of a warm turn over WebSocket."""
    with tempfile.TemporaryDirectory() as scratch:
        log, given = Path(scratch) / "proxy.log", json.loads(options.config.read_text())
        environ = {"DISABLE_AIOHTTP_TRANSPORT": "True"}
        with processes.start_proxy(options.env, given, log, environ=environ) as other:
            ways: dict[str, tuple[processes.Server, Way]] = {
                "httpx": (other, lambda: over_websocket(other, 10)),
                "aiohttp, the default": (proxy, lambda: over_websocket(proxy, 10)),
            }
            (cpu, rate), (their_cpu, their_rate) = (await take_turns(ways, options.rounds)).values()
    names = f"{AT_ONCE} at once: DISABLE_AIOHTTP_TRANSPORT=True / unset"
    return {
        "transport-cpu": Row(f"CPU of a warm turn, {names}", cpu, their_cpu, "ms"),
        "transport-rate": Row(f"warm turns a second, {names}", rate, their_rate, "/s"),
    }
