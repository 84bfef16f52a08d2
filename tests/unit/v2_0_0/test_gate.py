"""Large bodies wait for each other: one at a time, in turn between keys, bounded in all ways."""

import asyncio
import contextlib

import pytest

from endpoint_patch.versions.v2_0_0.inserted import gate as module
from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from endpoint_patch.versions.v2_0_0.inserted.gate import Gate

MIB = 1 << 20


async def settled():
    """Let all run that can run; it waits for the loop and not for a clock."""
    for _ in range(50):
        await asyncio.sleep(0)


class Bodies:
    """Bodies before one gate: `order` has those that were let in, by name."""

    def __init__(self):
        self.gate = Gate()
        self.order = []
        self.begun = {}
        self.tasks = {}
        self._ends = {}

    async def come(self, name, size=5 * MIB, owner=b"a"):
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.ensure_future(self._pass(name, size, owner))
        await settled()

    async def _pass(self, name, size, owner):
        async with self.gate.slot(owner, size) as begun:
            self.order.append(name)
            self.begun[name] = begun
            await self._ends[name].wait()

    async def answer(self, name):
        self.begun[name]()
        await settled()

    async def end(self, name):
        self._ends[name].set()
        await self.tasks[name]
        await settled()

    async def leave(self, name):
        self.tasks[name].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.tasks[name]


@pytest.fixture
async def bodies(monkeypatch):
    monkeypatch.setattr(module, "LARGE_PAUSE_SECONDS", 0)
    bodies = Bodies()
    yield bodies
    for name in bodies.tasks:
        await bodies.leave(name)
    await asyncio.sleep(0.05)
    assert (bodies.gate._in_flight, bodies.gate._queues, bodies.gate._is_taken) == ({}, {}, False)


async def test_one_at_a_time_until_its_answer_begins(bodies):
    """The next comes in when the last is answered, or has ended without an answer."""
    for name in "abc":
        await bodies.come(name)
    assert bodies.order == ["a"]
    await bodies.answer("a")
    assert bodies.order == ["a", "b"]
    await bodies.answer("a")  # said once more, it changes nothing
    await bodies.end("a")
    assert bodies.order == ["a", "b"]
    await bodies.end("b")
    assert bodies.order == ["a", "b", "c"]


async def test_a_small_body_waits_for_none(bodies):
    """Nor does one wait for it."""
    await bodies.come("large")
    await bodies.come("small", 4 * MIB)
    assert bodies.order == ["large", "small"]
    await bodies.answer("small")
    await bodies.end("small")
    await bodies.come("next")
    assert bodies.order == ["large", "small"]


async def test_keys_take_turns(bodies):
    """Sixteen lanes of one key are no sixteen turns before another's."""
    for name in ("a1", "a2", "a3"):
        await bodies.come(name)
    await bodies.come("b1", owner=b"b")
    for name in ("a1", "a2", "b1"):
        await bodies.answer(name)
    assert bodies.order == ["a1", "a2", "b1", "a3"]


@pytest.mark.parametrize(
    ("size", "of_one_key", "of_two"),
    [(5, 12, 25), (40, 1, 3), (64, 1, 2), (100, 1, 1)],
)
async def test_those_being_answered_are_bounded_in_bytes(bodies, size, of_one_key, of_two):
    """64 MiB of a key and 128 of all; alone, any size may."""
    for number in range(30):
        await bodies.come(number, size * MIB)
        if number in bodies.begun:
            await bodies.answer(number)
    assert len(bodies.order) == of_one_key
    for owner in (b"b", b"c"):
        for number in range(30):
            await bodies.come((owner, number), size * MIB, owner)
            if (owner, number) in bodies.begun:
                await bodies.answer((owner, number))
    assert len(bodies.order) == of_two
    await bodies.end(0)
    assert len(bodies.order) == of_two + 1


async def test_too_many_waiting_are_refused(bodies):
    """At once, in OpenAI's shape; those of another key may wait."""
    for number in range(33):
        await bodies.come(number)
    await bodies.come("one more")
    with pytest.raises(RefusalError) as refused:
        await bodies.tasks.pop("one more")
    assert refused.value.event["error"]["code"] == "websocket_stream_limit_reached"
    assert refused.value.close is None
    await bodies.come("another's", owner=b"b")
    assert not bodies.tasks["another's"].done()


async def test_waiting_has_an_end(bodies, monkeypatch):
    """Who waited in vain is refused and leaves no trace."""
    monkeypatch.setattr(module, "MAX_LARGE_WAITING_SECONDS", 0.02)
    await bodies.come("a")
    await bodies.come("b")
    with pytest.raises(RefusalError):
        await bodies.tasks.pop("b")
    await bodies.answer("a")
    assert bodies.order == ["a"]
    await bodies.come("c")
    assert bodies.order == ["a", "c"]


async def test_a_silent_provider_holds_nobody_up(bodies, monkeypatch):
    """After a while it is not LiteLLM that takes its time; the bytes still count."""
    monkeypatch.setattr(module, "MAX_LARGE_ALONE_SECONDS", 0.02)
    await bodies.come("silent", 60 * MIB)
    await bodies.come("next", 5 * MIB, b"b")
    assert bodies.order == ["silent"]
    await asyncio.sleep(0.05)
    assert bodies.order == ["silent", "next"]
    await bodies.come("more")
    await asyncio.sleep(0.05)
    assert bodies.order == ["silent", "next"]


async def test_who_leaves_makes_room(bodies):
    """Waiting, running, or let in just now: the next comes."""
    for name in "abcd":
        await bodies.come(name)
    await bodies.leave("b")
    bodies.begun["a"]()  # lets c in, which leaves before it runs
    await bodies.leave("c")
    await settled()
    assert bodies.order == ["a", "d"]


async def test_between_two_there_is_a_pause(bodies, monkeypatch):
    """LiteLLM puts away what it made of the last: else the memory of both adds up."""
    monkeypatch.setattr(module, "LARGE_PAUSE_SECONDS", 0.05)
    await bodies.come("a")
    await bodies.come("b")
    await bodies.answer("a")
    assert bodies.order == ["a"]
    await asyncio.sleep(0.1)
    assert bodies.order == ["a", "b"]
