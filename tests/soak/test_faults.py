"""Faults under many turns at once: no turn hangs, and none is called or billed twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time

import pytest

from pins import ROOT
from support import people
from support.detour import detour

POOL = 100  # LiteLLM's other client has this many connections to a provider; more turns would wait
LONG, SHORT = "TRIGGERPACED:300", "TRIGGERPACED:30"  # answers of 30 s and of 3 s


@contextlib.asynccontextmanager
async def in_flight(proxy, count, way="websocket", text=SHORT, port=None):
    """Begin `count` turns, each of a person; yield (turn, task) of each."""
    key = (await proxy.admin("/key/generate"))["key"]
    async with contextlib.AsyncExitStack() as stack:
        crowd = [
            await stack.enter_async_context(people.Person(proxy, key, way, port=port))
            for _ in range(count)
        ]
        begun = [person.begin(text) for person in crowd]
        try:
            yield begun
        finally:
            for _, task in begun:
                task.cancel()


async def answering(begun):
    """Wait until each turn has its first event."""
    await asyncio.gather(*(turn.answering.wait() for turn, _ in begun))


async def ended(begun):
    """Wait until each turn has ended; return the turns."""
    await asyncio.gather(*(task for _, task in begun))
    return [turn for turn, _ in begun]


@pytest.fixture
def count(small):
    """Return the number of turns in flight."""
    return 20 if small else 200


def stop(server, number):
    """Send a signal to a server's process group."""
    os.killpg(server.process.pid, number)


@pytest.mark.parametrize("way", ["websocket", "http"])
async def test_the_provider_is_cut(proxy, provider, count, note, way):
    """If the provider is killed, each WebSocket turn ends with an error event."""
    async with in_flight(proxy, count, way, LONG) as begun:
        await answering(begun)
        stop(provider.server, signal.SIGKILL)
        since = time.monotonic()
        tally = await note(f"provider cut, {way}", await ended(begun), since)
    assert tally.called_twice == tally.billed_twice == tally.endings["silent"] == 0
    if way == "websocket":
        assert tally.endings == {"told": count}


@pytest.mark.parametrize("way", ["websocket", "http"])
async def test_the_provider_falls_silent(proxy, provider, count, note, way):
    """If the provider stops answering, each WebSocket turn ends with an error event."""
    async with in_flight(proxy, count, way, LONG) as begun:
        await answering(begun)
        stop(provider.server, signal.SIGSTOP)
        since = time.monotonic()
        try:
            turns = await ended(begun)
        finally:
            stop(provider.server, signal.SIGCONT)
        tally = await note(f"provider silent, {way}", turns, since)
    assert tally.called_twice == tally.billed_twice == tally.endings["silent"] == 0
    if way == "websocket":
        assert tally.endings == {"told": count}


@pytest.mark.parametrize("status", ["429", "500"])
@pytest.mark.parametrize("way", ["websocket", "http"])
async def test_a_storm(proxy, count, note, way, status):
    """If the provider refuses every request, each turn ends with an error event or status."""
    async with in_flight(proxy, count, way, f"TRIGGER{status}") as begun:
        since = time.monotonic()  # all begin now
        tally = await note(f"{status} for all, {way}", await ended(begun), since)
    assert tally.endings == {"told": count}
    assert tally.called_twice == tally.billed_twice == 0


async def test_the_database_is_gone(proxy, postgres, count, note):
    """Running turns do not need the database: each completes."""
    async with in_flight(proxy, count) as begun:
        await answering(begun)
        postgres.down()
        since = time.monotonic()
        try:
            turns = await ended(begun)
        finally:
            postgres.up()
        tally = await note("database gone", turns, since)
    assert tally.endings == {"completed": count}
    assert tally.called_twice == tally.billed_twice == 0


async def test_the_proxy_is_stopped_for_a_while(proxy, count, note):
    """After a pause of the proxy's process each turn goes on and completes."""
    async with in_flight(proxy, count) as begun:
        await answering(begun)
        stop(proxy.server, signal.SIGSTOP)
        await asyncio.sleep(5)
        stop(proxy.server, signal.SIGCONT)
        since = time.monotonic()
        tally = await note("proxy stopped for 5 s", await ended(begun), since)
    assert tally.endings == {"completed": count}
    assert tally.called_twice == tally.billed_twice == tally.unbilled == 0


async def test_the_pod_ends(proxy, provider, flag, count, note):
    """If the preStop hook drains before SIGTERM, each turn that reached the provider completes."""

    async def turn_after_turn(person):
        while (await person.turn(SHORT)).ending == "completed":
            pass

    key = (await proxy.admin("/key/generate"))["key"]
    async with contextlib.AsyncExitStack() as stack:
        crowd = [
            await stack.enter_async_context(people.Person(proxy, key, "websocket"))
            for _ in range(count)
        ]
        at_work = [asyncio.ensure_future(turn_after_turn(person)) for person in crowd]
        await asyncio.sleep(1)
        since = time.monotonic()
        hook = ["sh", ROOT / "manifests" / "drain.sh", flag, "15", str(proxy.server.port)]
        assert await (await asyncio.create_subprocess_exec(*hook)).wait() == 0
        stop(proxy.server, signal.SIGTERM)
        await asyncio.gather(*at_work)
    asked = people.calls(provider.server.log)
    turns = [turn for person in crowd for turn in person.turns if turn.name in asked]
    tally = await note("pod ends", turns, since)
    assert tally.endings == {"completed": len(turns)}
    assert tally.called_twice == tally.billed_twice == 0


async def test_the_proxy_is_killed(proxy, count, note):
    """If the proxy is killed, each client sees its connection end."""
    async with in_flight(proxy, count, text=LONG) as begun:
        await answering(begun)
        stop(proxy.server, signal.SIGKILL)
        since = time.monotonic()
        tally = await note("proxy killed", await ended(begun), since)
    assert tally.endings == {"cut": count}
    assert tally.called_twice == tally.billed_twice == 0


# LiteLLM's default client keeps the provider's stream open, over HTTP as well: docs/limits.md.
@pytest.mark.environ(DISABLE_AIOHTTP_TRANSPORT="True")
async def test_the_network_is_cut(proxy, provider, count, note):
    """If the network is cut without a FIN, the server's pings fail and it ends the turns."""
    cut = threading.Event()
    count = min(count, POOL)
    with detour("127.0.0.1", proxy.server.port, lambda _: 0, cut) as port:
        async with in_flight(proxy, count, text="TRIGGERPACED:3000", port=port) as begun:
            await answering(begun)
            cut.set()
            since = time.monotonic()
            while left := {turn.name for turn, _ in begun} - people.left(provider.server.log):
                assert time.monotonic() - since < 5 * people.SILENCE, f"{len(left)} turns go on"
                await asyncio.sleep(1)
            for turn, _ in begun:
                turn.end("cut")
            tally = await note(
                "network cut, until the provider knows", [t for t, _ in begun], since
            )
    assert tally.called_twice == tally.billed_twice == 0
