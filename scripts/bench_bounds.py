"""Measure the bridge's cost in a worker process, beside POST or stock in the same run.

    python scripts/bench_bounds.py [--litellm VERSION] [--rounds N] [--write] [FIGURE …]

Figures, by default all of them, which takes many minutes:

    turns          CPU and rate of warm turns, 20 at once; time of one alone
    transport      CPU and rate of warm turns with LiteLLM's other HTTP client
    wire           bytes that a client sends in a long session
    idle           CPU and memory of idle sockets
    shapes         CPU of a large frame
    flood          one client's turns while another sends large frames
    amplification  tiny frames that refer to a large history
    memory         warm-ups that no turn continues

Nothing is asserted. --write records the first four in docs/figures.json.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

import figures
from bench_kit import NO_MODEL, Watch, ask, create, post, socket
from bench_shapes import config, shape_costs, shapes
from bench_turns import TURN, transport, warm_turns
from bench_wire import wire
from figures import Row
from litellm_overlay.catalogue import releases
from litellm_overlay.local import environment, patching, processes

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

PATCH = "2.0.0"
MIB = 1 << 20

Figure = Callable[
    [processes.Server, processes.Server, Any], Coroutine[Any, Any, dict[str, Row] | None]
]


async def idle(proxy: processes.Server, stock: processes.Server, options: Any) -> dict[str, Row]:
    """Print the CPU and memory of idle sockets; return the row on memory."""
    print(f"{options.sockets} idle sockets, 20 s       CPU      memory a socket")
    told: list[float] = []
    for name, server, query in (("bridge", proxy, ""), ("stock", stock, "?model=managed-5.4")):
        watch = Watch(server)
        sockets = [await socket(server, query) for _ in range(options.sockets)]
        await asyncio.sleep(5)
        memory, before = watch.growth, watch.cpu
        await asyncio.sleep(20)
        share = (watch.cpu - before) / 20
        if closed := sum(each.state is not State.OPEN for each in sockets):
            raise SystemExit(f"{closed} sockets of {name} were closed")
        told.append(memory * 1024 / options.sockets)
        print(f"  {name:28} {share:6.1%}   {told[-1]:8.0f} KiB")
        await asyncio.gather(*(one.close() for one in sockets))
    what = f"memory of an idle socket, of {options.sockets}: bridge / stock"
    return {"idle-memory": Row(what, told[0], told[1], "KiB")}


async def flood(proxy: processes.Server, _stock: processes.Server, options: Any) -> None:
    """Print one client's slowest turn while another sends large useless frames, or POSTs."""
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
    """Put `total` bytes into one conversation by warm-ups; return its last response id."""
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
    """Print the cost of 16 tiny frames that refer to 60 MiB, beside 16 POSTs of that size."""
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
    """Print the memory that warm-ups of one key take, with their sockets open and closed."""
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


FIGURES: dict[str, Figure] = {
    "turns": warm_turns,
    "transport": transport,
    "wire": wire,
    "idle": idle,
    "shapes": shape_costs,
    "flood": flood,
    "amplification": amplification,
    "memory": memory,
}
WRITTEN = ("turns", "transport", "wire", "idle")


def main() -> None:
    """Start both proxies for each figure, measure and print it."""
    parser = argparse.ArgumentParser(description="What the bridge costs a worker process.")
    parser.add_argument("--litellm", default=releases.load().newest_affected)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument(
        "--rounds", type=int, default=5, help="of 200 warm turns each way, of a process"
    )
    parser.add_argument("--processes", type=int, default=5, help="that make those rounds in turn")
    parser.add_argument("--frame-bytes", type=int, default=15_000_000)
    parser.add_argument(
        "--write", action="store_true", help=f"{', '.join(WRITTEN)} into docs/figures.json"
    )
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(FIGURES))
    options = parser.parse_args()
    stock_env = environment.create(options.litellm)
    env = options.env = environment.create(options.litellm, name=f"patched-{PATCH}")
    patching.apply(env, PATCH)
    print(f"LiteLLM {options.litellm}, patch {PATCH}")
    for name in options.figures or (WRITTEN if options.write else FIGURES):
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
                options.config = proxy.log.with_suffix(".yaml")
                rows = asyncio.run(FIGURES[name](proxy, stock, options))
        if rows and options.write:
            figures.record(name, f"python scripts/bench_bounds.py {name}", rows)


if __name__ == "__main__":
    main()
