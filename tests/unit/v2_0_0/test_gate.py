"""Large bodies pass one at a time, by turns between keys, within several limits."""

import asyncio
import contextlib

import pytest

from endpoint_patch.versions.v2_0_0.inserted import gate as module
from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from endpoint_patch.versions.v2_0_0.inserted.gate import Gate

MIB = 1 << 20


async def settled():
    """Let every task run as far as it can, without waiting for time."""
    for _ in range(50):
        await asyncio.sleep(0)


class Bodies:
    """Bodies at one gate; `order` has the names of those admitted."""

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
    """The next large body enters once the previous answer begins, or ends without one."""
    for name in "abc":
        await bodies.come(name)
    assert bodies.order == ["a"]
    await bodies.answer("a")
    assert bodies.order == ["a", "b"]
    await bodies.answer("a")  # a second call changes nothing
    await bodies.end("a")
    assert bodies.order == ["a", "b"]
    await bodies.end("b")
    assert bodies.order == ["a", "b", "c"]


async def test_a_small_body_waits_for_none(bodies):
    """A small body waits for no large one, and no large one for it."""
    await bodies.come("large")
    await bodies.come("small", 4 * MIB)
    assert bodies.order == ["large", "small"]
    await bodies.answer("small")
    await bodies.end("small")
    await bodies.come("next")
    assert bodies.order == ["large", "small"]


async def test_keys_take_turns(bodies):
    """Waiting bodies of different keys take turns."""
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
    """Bodies being answered have at most 64 MiB per key and 128 MiB in all; one may always run."""
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
    """The 34th body of a key is refused at once; another key's may wait."""
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
    """A body that has waited too long is refused, and the next ones are not affected."""
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
    """If an answer does not begin, the next body enters after a while; the bytes still count."""
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
    """A body that leaves, waiting or just admitted, lets the next one enter."""
    for name in "abcd":
        await bodies.come(name)
    await bodies.leave("b")
    bodies.begun["a"]()  # admits c, which leaves before it runs
    await bodies.leave("c")
    await settled()
    assert bodies.order == ["a", "d"]


async def test_between_two_there_is_a_pause(bodies, monkeypatch):
    """A pause separates two bodies, so that LiteLLM can free the memory of the first."""
    monkeypatch.setattr(module, "LARGE_PAUSE_SECONDS", 0.05)
    await bodies.come("a")
    await bodies.come("b")
    await bodies.answer("a")
    assert bodies.order == ["a"]
    await asyncio.sleep(0.1)
    assert bodies.order == ["a", "b"]
