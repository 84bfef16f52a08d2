"""Two proxies on one database, two workers of one proxy, and the end of the query engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time

import pytest

from support.sides import Side
from support.turns import assert_equal, in_words

ROWS = {
    "a stored response continued on another proxy": "continued",
    "1 request a minute, used up on another proxy": "used up",
    "a key blocked on another proxy": "blocked",
    "the same, of a key that this proxy has in its cache": "known",
}


def sides_of(proxy):
    """Return the WebSocket side and the HTTP side of a patched proxy."""
    return [Side("websocket", proxy), Side("http", proxy)]


async def one_turn(side, key, **fields):
    """Make a turn on a new connection; return its answer."""
    async with side.talk(key) as talk:
        return await talk.turn(**fields)


def engines(proxy):
    """Return {process id: parent's process id} of a proxy's query engines, zombies excluded."""
    command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,pgid=,stat=,args="]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    fields = [line.split(maxsplit=4) for line in listed.splitlines()]
    return {
        int(pid): int(parent)
        for pid, parent, group, state, args in fields
        if int(group) == proxy.server.process.pid and "server.mjs" in args and state[0] != "Z"
    }


async def until(ready, seconds):
    """Wait until `ready()` is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def test_two_proxies(bridge, start, note):
    """Two proxies share state as much as over HTTP; a killed proxy's engine ends."""
    with start("2.0.0") as second:
        ways = list(zip(sides_of(bridge), sides_of(second), strict=True))
        answers = {name: [] for name in ("stored", "continued", "used up", "blocked", "known")}
        keys = []
        for here, there in ways:
            # The second proxy knows a key and a stored response of the first.
            key = await here.key()
            stored = await one_turn(here, key, store=True)
            again = {"store": True, "previous_response_id": stored.response_id}
            answers["stored"].append(stored)
            answers["continued"].append(await one_turn(there, key, **again))
            keys.append(key)
            # Each process counts rate limits for itself, since there is no Redis.
            limited = await here.key(rpm_limit=1)
            await one_turn(here, limited)
            answers["used up"].append(await one_turn(there, limited))
            # The second refuses a key that the first has blocked, unless it has cached the key.
            blocked = await here.key()
            await here.proxy.admin("/key/block", key=blocked)
            answers["blocked"].append(await one_turn(there, blocked))
            await here.proxy.admin("/key/block", key=key)
            answers["known"].append(await one_turn(there, key))
        for row, name in ROWS.items():
            websocket, http = answers[name]
            note(row, websocket=in_words([websocket]), http=in_words([http]))
            assert_equal([websocket], [http])
        served = {name: answers[name][0].served for name in ROWS.values()}
        assert served == {"continued": True, "used up": True, "blocked": False, "known": True}
        rows = [await here.written(key, 3) for (here, _), key in zip(ways, keys, strict=True)]
        assert [len(written) for written in rows] == [3, 3]
        assert len(engines(second)) == 1
        os.kill(second.server.process.pid, signal.SIGKILL)
        await until(lambda: not engines(second), 10)


@pytest.mark.slow
async def test_two_workers(start, note):
    """All turns on two workers count; a killed worker takes only its sockets and engine along.

    The workers are gunicorn's. uvicorn restarts a worker that takes more than 5 s to import
    LiteLLM, on a busy machine again and again. LiteLLM 1.82.3 has no option to raise that limit.
    """
    turns = 16
    with start("2.0.0", "--run_gunicorn", "--num_workers", "2") as proxy:
        await until(lambda: len(engines(proxy)) == 2, 120)
        left = {}
        for side in sides_of(proxy):
            key = await side.key()
            asked = [one_turn(side, key) for _ in range(turns)]
            answers = await asyncio.gather(*asked)
            assert in_words(answers) == f"{turns} turns"
            rows = await side.written(key, turns)
            tokens = sum(row["total_tokens"] for row in rows)
            assert (len(rows), tokens) == (turns, turns * 18)
            left[side.name] = f"{len(rows)} rows, {tokens} tokens"
        note(f"what {turns} turns on two workers leave", **left)
        async with contextlib.AsyncExitStack() as stack:
            talks = [sides_of(proxy)[0].talk(key) for _ in range(turns)]
            for talk in talks:
                await stack.enter_async_context(talk)
                assert (await talk.turn()).served
            engine, worker = next(iter(engines(proxy).items()))
            os.kill(worker, signal.SIGKILL)
            answers = [await talk.turn() for talk in talks]
            lost = [answer for answer in answers if answer.where == "gone"]
            assert 0 < len(lost) < turns  # both workers had connections
            assert all(answer.served for answer in answers if answer not in lost)
            await until(lambda: engine not in engines(proxy), 10)
    await until(lambda: not engines(proxy), 10)
