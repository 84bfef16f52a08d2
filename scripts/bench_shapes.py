"""Measure the CPU of one large message, by its content, beside POST and the bare server."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_kit import NO_MODEL, Watch, ask, bare, post, socket
from litellm_overlay.local import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

ANY_KEY = """
from litellm.proxy._types import UserAPIKeyAuth

async def check(request, api_key):
    return UserAPIKeyAuth(api_key=api_key)
"""


def config(mock: processes.Server, folder: Path, figure: str) -> dict[str, Any]:
    """Return the proxies' configuration; for `shapes`, any key is valid, with its own budget."""
    made = processes.standard_config(mock.url)
    if figure == "shapes":
        (folder / "any_key.py").write_text(ANY_KEY)
        made["general_settings"]["custom_auth"] = "any_key.check"
    return made


def shapes(size: int) -> Iterator[tuple[str, str]]:
    """Yield a name and a JSON array of about `size` bytes for each kind of content."""
    for name, item in (
        ("{}", "{}"),
        ("1.5", "1.5"),
        ("[[]]", "[[]]"),
        ('{"a":1}', '{"a":1}'),
        ("text", json.dumps("x" * 1_000_000)),
    ):
        yield name, "[" + ",".join([item] * (size // (len(item) + 1))) + "]"


async def shape_costs(proxy: processes.Server, _stock: processes.Server, options: Any) -> None:
    """Print the CPU of a large frame, refused by us and refused by LiteLLM, beside POST.

    `uvicorn` is the CPU of the bare server: to receive the frame, inflate it and decode it.
    """
    print(
        f"CPU s, {options.frame_bytes / 1e6:.0f} MB of"
        "    POST  uvicorn  no turn    ours   ratio    turn    ours   ratio"
    )
    keys = (f"sk-{number}" for number in itertools.count())  # each has a budget of its own
    with (
        tempfile.TemporaryDirectory() as scratch,
        bare(options.env, Path(scratch) / "log") as server,
    ):
        for name, array in shapes(options.frame_bytes):
            fields = f'"model":"{NO_MODEL}","store":false,"metadata":{array}}}'
            costs: list[list[float]] = []
            for _ in range(options.rounds):
                watch = Watch(proxy)
                await asyncio.to_thread(post, proxy, b'{"input":"hi",' + fields.encode())
                cost = [watch.cpu]
                for to, kind in (
                    (server, "session.update"),
                    (proxy, "session.update"),
                    (proxy, "response.create"),
                ):
                    # A new connection each time, so that all start with the same window.
                    async with socket(to, key=next(keys)) as connection:
                        watch = Watch(to)
                        await ask(connection, f'{{"type":"{kind}","input":"hi",{fields}')
                        cost.append(watch.cpu)
                costs.append(cost)
            direct, framing, refused, turn = map(statistics.median, zip(*costs, strict=True))
            own, own_turn = refused - framing, turn - framing - direct
            print(
                f"  {name:12} {direct:9.2f} {framing:8.2f} {refused:8.2f} {own:7.2f}"
                f" {own / direct:7.2f} {turn:7.2f} {own_turn:7.2f} {own_turn / direct:7.2f}"
            )
