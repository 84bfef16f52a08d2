"""Measure what the bridge costs a worker process, each figure beside POST or stock in one run.

    python scripts/bench_bounds.py [--litellm VERSION] [--rounds N] [--sockets N] [FIGURE …]

Figures: turns (CPU and rate of warm turns, 20 at once, and milliseconds of one alone), idle (CPU
and memory of idle sockets), shapes (CPU a large frame), flood (another client's turns meanwhile),
amplification (a large history asked for by tiny frames), memory (warm-ups that nobody continues).
All by default; many minutes. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from bench_kit import HEADERS, NO_MODEL, Watch, ask, create, post, socket
from bench_shapes import config, shape_costs, shapes
from litellm_overlay.catalogue import releases
from litellm_overlay.local import environment, patching, processes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.client import ClientConnection

PATCH = "2.0.0"
MIB = 1 << 20


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


async def warm_turns(proxy: processes.Server, _stock: processes.Server, options: Any) -> None:
    """Print what a warm turn takes, 20 at once, over WebSocket and over HTTP, alternating."""
    threads = ThreadPoolExecutor(AT_ONCE)
    loop = asyncio.get_running_loop()
    ways: dict[str, Callable[[], Awaitable[None]]] = {
        "WebSocket": lambda: over_websocket(proxy, 10),
        "HTTP": lambda: loop.run_in_executor(threads, over_http, proxy, 10),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds + 1):
        for name, way in ways.items():
            watch, began = Watch(proxy), time.perf_counter()
            await asyncio.gather(*(way() for _ in range(AT_ONCE)))
            spent[name].append(watch.cpu / AT_ONCE / 10)
            rates[name].append(AT_ONCE * 10 / (time.perf_counter() - began))
    print(f"warm turns, {AT_ONCE} at once          CPU a turn    turns/s")
    lines = []
    for name in ways:  # the first round warms up
        lines.append((statistics.median(spent[name][1:]), statistics.median(rates[name][1:])))
        print(f"  {name:28} {lines[-1][0] * 1000:6.1f} ms  {lines[-1][1]:8.1f}")
    ratios = [ours / theirs for ours, theirs in zip(*lines, strict=True)]
    print(f"  {'ratio':28} {ratios[0]:6.2f}     {ratios[1]:8.2f}")
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


async def idle(proxy: processes.Server, stock: processes.Server, options: Any) -> None:
    """Print what sockets cost that say nothing."""
    print(f"{options.sockets} idle sockets, 20 s       CPU      memory a socket")
    for name, server, query in (("bridge", proxy, ""), ("stock", stock, "?model=managed-5.4")):
        watch = Watch(server)
        sockets = [await socket(server, query) for _ in range(options.sockets)]
        await asyncio.sleep(5)
        memory, before = watch.growth, watch.cpu
        await asyncio.sleep(20)
        share = (watch.cpu - before) / 20
        if closed := sum(each.state is not State.OPEN for each in sockets):
            raise SystemExit(f"{closed} sockets of {name} were closed")
        print(f"  {name:28} {share:6.1%}   {memory * 1024 / options.sockets:8.0f} KiB")
        await asyncio.gather(*(one.close() for one in sockets))


async def flood(proxy: processes.Server, _stock: processes.Server, options: Any) -> None:
    """Print how another client fares while one sends large frames of no use, beside large POSTs."""
    array = dict(shapes(options.frame_bytes))["{}"]
    frame = f'{{"type":"session.update","metadata":{array}}}'
    body = f'{{"model":"{NO_MODEL}","input":"hi","metadata":{array}}}'.encode()

    async def by_websocket() -> None:
        while True:
            with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
                async with socket(proxy) as connection:
                    while True:
                        await ask(connection, frame)

    async def by_post() -> None:
        while True:
            await asyncio.to_thread(post, proxy, body)

    print("20 s, meanwhile              slowest turn    silence      CPU")
    for name, attack in (
        ("nothing", asyncio.Event().wait),
        ("frames", by_websocket),
        ("POST", by_post),
    ):
        slowest = 0.0
        async with socket(proxy) as connection:
            attacking = asyncio.ensure_future(attack())
            with Watch(proxy).asking() as watch:
                ends = time.monotonic() + 20
                while time.monotonic() < ends:
                    began = time.monotonic()
                    await ask(connection, create(**TURN))
                    slowest = max(slowest, time.monotonic() - began)
                    await asyncio.sleep(0.1)
                print(f"  {name:26} {slowest:10.2f} s {watch.silence:8.2f} s {watch.cpu:6.1f} s")
            attacking.cancel()
            await asyncio.gather(attacking, return_exceptions=True)


async def warm_up(connection: ClientConnection, total: int, *, model: str) -> str:
    """Put so many bytes into one conversation without a turn; return its id."""
    previous = ""
    for _ in range(4):
        content = "x" * (total // 4)
        more: dict[str, Any] = {"previous_response_id": previous} if previous else {}
        item = {"type": "message", "role": "user", "content": content}
        event = await ask(connection, create(model=model, generate=False, input=[item], **more))
        if event["type"] == "error":
            raise SystemExit(f"the warm-up was refused: {event}")
        previous = str(event["response"]["id"])
    return previous


async def amplification(proxy: processes.Server, stock: processes.Server, options: Any) -> None:
    """Print what 16 tiny frames cost that name 60 MiB, beside as many POSTs, one at a time."""
    total = 60 * MIB - 4096
    item = {"type": "message", "role": "user", "content": "x" * (total // 4)}
    body = json.dumps({"model": NO_MODEL, "store": False, "input": [item] * 4}).encode()
    print("60 MiB, 16 times, refused      RSS growth   silence      CPU")
    with Watch(stock).asking() as watch:
        for _ in range(16):
            await asyncio.to_thread(post, stock, body)
        print(f"  {'POST, one at a time':28} {watch.told()}")
    async with socket(proxy) as connection:
        previous = await warm_up(connection, total, model=NO_MODEL)
        with Watch(proxy).asking() as watch:
            for lane in range(16):
                frame = {"model": NO_MODEL, "input": [], "previous_response_id": previous}
                await connection.send(create(stream_id=str(lane), **frame))
            codes = [json.loads(await connection.recv())["error"]["code"] for _ in range(16)]
            print(f"  {'16 lanes of one socket':28} {watch.told()}")
            print(f"    told: {sorted(set(codes))}")
    del options


async def memory(proxy: processes.Server, _stock: processes.Server, options: Any) -> None:
    """Print what warm-ups of one key leave in memory."""
    watch = Watch(proxy)
    sockets = [await socket(proxy) for _ in range(8)]
    for connection in sockets:
        await warm_up(connection, 60 * MIB, model=NO_MODEL)
    await asyncio.sleep(2)
    print("8 sockets, 60 MiB of warm-ups each, then idle:")
    print(f"  RSS + {watch.rss() - watch._rss:6.0f} MiB")  # noqa: SLF001
    await asyncio.gather(*(one.close() for one in sockets))
    await asyncio.sleep(2)
    print(f"  RSS + {watch.rss() - watch._rss:6.0f} MiB once they are closed")  # noqa: SLF001
    del options


FIGURES = {
    "turns": warm_turns,
    "idle": idle,
    "shapes": shape_costs,
    "flood": flood,
    "amplification": amplification,
    "memory": memory,
}


def main() -> None:
    """Start both proxies for each figure, measure, print."""
    parser = argparse.ArgumentParser(description="What the bridge costs a worker process.")
    parser.add_argument("--litellm", default=releases.load().newest_affected)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5, help="of 200 warm turns each way")
    parser.add_argument("--frame-bytes", type=int, default=15_000_000)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(FIGURES))
    options = parser.parse_args()
    stock_env = environment.create(options.litellm)
    env = options.env = environment.create(options.litellm, name=f"patched-{PATCH}")
    patching.apply(env, PATCH)
    print(f"LiteLLM {options.litellm}, patch {PATCH}")
    for name in options.figures or FIGURES:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            with (
                processes.start_mock(env, folder / "mock.jsonl") as mock,
                processes.start_proxy(
                    env, config(mock, folder, name), folder / "proxy.log"
                ) as proxy,
                processes.start_proxy(
                    stock_env, config(mock, folder, name), folder / "stock.log"
                ) as stock,
            ):
                asyncio.run(FIGURES[name](proxy, stock, options))


if __name__ == "__main__":
    main()
