"""Measure a warm turn: over WebSocket beside HTTP, and with LiteLLM's other HTTP client."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_kit import HEADERS, Watch, ask, create, socket
from figures import Row
from litellm_overlay.local import processes

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

TURN = {"model": "gpt-4o", "input": "hi", "store": False}
AT_ONCE = 20
EACH = 10  # turns of a client in a round
ALONE = 10


Way = Callable[[], Awaitable[object]]


@contextlib.asynccontextmanager
async def by_websocket(proxy: processes.Server) -> AsyncIterator[Way]:
    """Open AT_ONCE connections; yield a function that makes EACH turns on all at once."""

    async def make(connection: ClientConnection) -> None:
        for _ in range(EACH):
            event = await ask(connection, create(**TURN))
            if event["type"] != "response.completed":
                raise SystemExit(f"the turn did not complete: {event}")

    async with contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(socket(proxy)) for _ in range(AT_ONCE)]
        yield lambda: asyncio.gather(*map(make, opened))


@contextlib.asynccontextmanager
async def by_http(proxy: processes.Server) -> AsyncIterator[Way]:
    """Yield the same over HTTP; each round reconnects, as uvicorn closes idle connections."""

    def make() -> None:
        with contextlib.closing(connect(proxy)) as connection:
            for _ in range(EACH):
                post(connection)

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield lambda: asyncio.gather(*(loop.run_in_executor(threads, make) for _ in range(AT_ONCE)))


def connect(proxy: processes.Server) -> http.client.HTTPConnection:
    """Return a connection that opens with its first request."""
    return http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=60)


def post(connection: http.client.HTTPConnection) -> None:
    """Make a turn; SystemExit if it does not complete."""
    body = json.dumps({**TURN, "stream": True})
    headers = {**HEADERS, "Content-Type": "application/json"}
    connection.request("POST", "/v1/responses", body, headers)
    if b"response.completed" not in connection.getresponse().read():
        raise SystemExit("the turn did not complete")


Speed = tuple[float, float]  # CPU ms a turn, turns a second


async def take_turns(ways: Mapping[str, tuple[processes.Server, Way]], rounds: int) -> list[Speed]:
    """Return the speed of each way with 20 clients at once; the ways alternate.

    It is computed from sums over all rounds, not from medians: a run of the garbage collector may
    take as long as twenty turns, and hits only some rounds.
    """
    spent, took = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0)
    for number in range(rounds + 1):
        for name in [*ways] if number % 2 else reversed([*ways]):
            proxy, way = ways[name]
            watch, began = Watch(proxy), time.perf_counter()
            await way()
            if number:  # the first round warms up
                spent[name] += watch.cpu
                took[name] += time.perf_counter() - began
    turns = rounds * AT_ONCE * EACH
    return [(spent[name] * 1000 / turns, turns / took[name]) for name in ways]


def tell(names: Sequence[str], speeds: Sequence[Sequence[Speed]]) -> list[Speed]:
    """Print and return the median speed of two ways over several processes."""
    medians = [
        (statistics.median(cpu), statistics.median(rate))
        for cpu, rate in (zip(*of_way, strict=True) for of_way in zip(*speeds, strict=True))
    ]
    print(f"warm turns, {AT_ONCE} at once          CPU a turn    turns/s")
    for name, (cpu, rate) in zip(names, medians, strict=True):
        print(f"  {name:28} {cpu:6.1f} ms  {rate:8.1f}")
    (cpu, rate), (their_cpu, their_rate) = medians
    print(f"  {'ratio':28} {cpu / their_cpu:6.2f}     {rate / their_rate:8.2f}")
    of_each = ", ".join(f"{ours[0] / theirs[0]:.2f}" for ours, theirs in speeds)
    print(f"  CPU ratio of each process: {of_each}")
    return medians


async def warm_turns(
    _proxy: processes.Server, _stock: processes.Server, options: Any
) -> dict[str, Row]:
    """Print the cost of a warm turn over WebSocket and over HTTP; return the rows."""
    speeds: list[list[Speed]] = []
    alone: list[list[float]] = [[], []]
    for _ in range(options.processes):
        with fresh(options) as proxy:
            async with by_websocket(proxy) as ours, by_http(proxy) as theirs:
                ways = {"WebSocket": (proxy, ours), "HTTP": (proxy, theirs)}
                speeds.append(await take_turns(ways, options.rounds))
            await take_alone(proxy, alone)
    (cpu, rate), (their_cpu, their_rate) = tell(["WebSocket", "HTTP"], speeds)
    one, their_one = (statistics.median(each) * 1000 for each in alone)
    print(f"one alone: {one:.1f} ms, HTTP {their_one:.1f} ms, ratio {one / their_one:.3f}")
    names = f"{AT_ONCE} at once: bridge / HTTP"
    return {
        "turn-cpu": Row(f"CPU of a warm turn, {names}", cpu, their_cpu, "ms"),
        "turn-rate": Row(f"warm turns a second, {names}", rate, their_rate, "/s"),
        "turn-time": Row("time of a warm turn alone: bridge / HTTP", one, their_one, "ms"),
    }


async def take_alone(proxy: processes.Server, seconds: list[list[float]]) -> None:
    """Append the seconds of single turns, by turns over WebSocket and HTTP, to the two lists."""
    with contextlib.closing(connect(proxy)) as kept:
        async with socket(proxy) as connection:
            for _ in range(ALONE):
                began = time.perf_counter()
                await ask(connection, create(**TURN))
                seconds[0].append(time.perf_counter() - began)
                began = time.perf_counter()
                await asyncio.to_thread(post, kept)
                seconds[1].append(time.perf_counter() - began)


async def transport(
    _proxy: processes.Server, _stock: processes.Server, options: Any
) -> dict[str, Row]:
    """Print a warm turn's cost with and without DISABLE_AIOHTTP_TRANSPORT; return the rows."""
    names = ["httpx", "aiohttp, the default"]
    speeds = []
    for _ in range(options.processes):
        with fresh(options, DISABLE_AIOHTTP_TRANSPORT="True") as other, fresh(options) as proxy:
            async with by_websocket(other) as ours, by_websocket(proxy) as theirs:
                ways = dict(zip(names, ((other, ours), (proxy, theirs)), strict=True))
                speeds.append(await take_turns(ways, options.rounds))
    (cpu, rate), (their_cpu, their_rate) = tell(names, speeds)
    what = f"{AT_ONCE} at once: DISABLE_AIOHTTP_TRANSPORT=True / unset"
    return {
        "transport-cpu": Row(f"CPU of a warm turn, {what}", cpu, their_cpu, "ms"),
        "transport-rate": Row(f"warm turns a second, {what}", rate, their_rate, "/s"),
    }


@contextlib.contextmanager
def fresh(options: Any, **environ: str) -> Iterator[processes.Server]:
    """Run another patched proxy: the ratio of two ways varies by process, by up to a fifth."""
    with tempfile.TemporaryDirectory() as scratch:
        log, given = Path(scratch) / "proxy.log", json.loads(options.config.read_text())
        with processes.start_proxy(options.env, given, log, environ=environ) as proxy:
            yield proxy
