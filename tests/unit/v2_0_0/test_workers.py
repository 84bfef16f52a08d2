"""Frames handled in their lanes, between a client and an application that are only played."""

import asyncio
import json
import logging

import pytest

from endpoint_patch.versions.v2_0_0.inserted import workers as module
from endpoint_patch.versions.v2_0_0.inserted.clocks import Ending
from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from fakes.lanes_bench import Bench, create


async def test_each_frame_gets_its_answer_in_its_lane():
    """A turn, a warm-up and a refusal; the supervisor sleeps while the connection goes on."""
    bench = Bench()
    await bench.take(create("a"), RefusalError("no", "bad", stream_id="b"))
    await bench.settled()
    assert sorted(bench.client.told) == [("bad", "b"), ("the event's text", "a")]
    await bench.take(create("c", warm_up=True))
    await bench.settled()
    assert bench.client.told[2:] == [(None, "c")] * 2
    assert (len(bench.application.posted), bench.client.close_code) == (1, None)
    assert not bench.wake.is_set()


async def test_each_turn_is_a_log_line_for_who_wants_it(caplog):
    """LiteLLM's call id and cost stand in it, no key and no text."""
    with caplog.at_level(logging.INFO):
        bench = Bench()
        await bench.take(create("a"))
        await bench.settled()
    (record,) = caplog.records
    line = json.loads(record.getMessage().partition("turn ")[2])
    assert set(line) == {"call_id", "cost", "http_status", "outcome", "seconds"}


async def test_a_lane_waits_for_its_turn_and_no_other_does():
    """One turn at a time in a lane; lanes run side by side."""
    bench = Bench()
    bench.application.gate.clear()
    await bench.take(create("a"), create("a"), create("b"))
    await asyncio.sleep(0.01)
    assert len(bench.application.posted) == 2
    bench.application.gate.set()
    await bench.settled()
    assert len(bench.application.posted) == 3


async def test_what_is_too_much_is_refused_out_of_turn():
    """The 17th is told at once, while the first still runs."""
    bench = Bench()
    bench.application.gate.clear()
    await bench.take(*[create("a")] * 17)
    assert bench.client.told == [("websocket_stream_limit_reached", "a")]
    await bench.workers.end()


@pytest.mark.parametrize("why", ["ending", "gone"])
async def test_nothing_begins_any_more(why):
    """The turn that runs ends; the one behind it, and one that comes later, is dropped unsaid."""
    bench = Bench()
    bench.application.gate.clear()
    await bench.take(create(), create())
    await asyncio.sleep(0.01)
    if why == "ending":
        bench.workers.finish(Ending(1012))
        bench.wake.clear()
    else:
        bench.client.gone.set()
    bench.application.gate.set()
    await bench.settled()
    assert bench.wake.is_set() == (why == "ending")  # the supervisor waits for the last lane
    await bench.take(create("late"))
    await bench.settled()
    assert len(bench.application.posted) == 1
    assert bench.client.told == [("the event's text", None)]


@pytest.mark.parametrize(
    ("frame", "lost_identity", "refused", "ending"),
    [
        (RefusalError("too large", "message_too_large", close=1009), False, False, Ending(1009)),
        (RefusalError("no", "bad"), False, True, None),
        (create(), True, True, Ending(1008)),
        (create(), True, False, None),
        (create(), False, True, None),
    ],
)
async def test_what_costs_the_connection(frame, lost_identity, refused, ending):
    """End the connection for a message that is too large, or a key that is no longer good.

    The key needs two signs: a turn that hints at it, and then a check that finds it refused.
    """
    bench = Bench()
    bench.application.lost_identity, bench.key_is_refused = lost_identity, refused
    await bench.take(frame)
    await bench.settled()
    assert bench.workers.ending == ending
    assert bench.client.close_code is None  # not before what runs has ended


async def test_the_first_reason_to_end_counts():
    """A second one changes nothing, and what comes after it is dropped."""
    bench = Bench()
    for code in (1009, 1008):
        bench.workers.finish(Ending(code))
    await bench.take(create())
    assert bench.workers.ending == Ending(1009)
    assert bench.wake.is_set()
    assert (bench.application.posted, bench.client.told) == ([], [])


async def test_a_fault_of_ours_is_no_silence(caplog):
    """It is told and logged, and the lane goes on."""
    bench = Bench()
    works = bench.application.post

    async def fails(exchange):
        bench.application.post = works
        raise ZeroDivisionError

    bench.application.post = fails
    await bench.take(create("a"), create("a"))
    await bench.settled()
    assert bench.client.told == [("internal_error", "a"), ("the event's text", "a")]
    assert len(caplog.records) == 1


async def test_an_event_that_cannot_be_remembered_is_sent(caplog, monkeypatch):
    """The answer matters more than its memory."""

    def fails(self, event):
        raise ZeroDivisionError

    monkeypatch.setattr(module.Turn, "observe", fails)
    bench = Bench()
    await bench.take(create())
    await bench.settled()
    assert bench.client.told == [("the event's text", None)]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("takes", "ended"), [(0.05, "by itself"), (60, "cancelled")])
async def test_what_runs_gets_a_grace_and_is_waited_for(takes, ended, monkeypatch):
    """As a leaving HTTP client's request would; no task outlives the connection."""
    monkeypatch.setattr(module, "GRACE", 0.5)
    bench = Bench()
    how = []

    async def turn(emit):
        try:
            await asyncio.sleep(takes)
            how.append("by itself")
        except asyncio.CancelledError:
            how.append("cancelled")
            raise

    bench.application.turn = turn
    await bench.take(create("a"), create("b"))
    await asyncio.sleep(0.01)
    bench.client.gone.set()
    await bench.workers.end()
    assert how == [ended] * 2
    assert not bench.workers._tasks


async def test_nothing_begins_once_the_connection_is_to_be_closed():
    """Not even the next frame of the lane in which that was decided."""
    bench = Bench()
    bench.application.lost_identity = bench.key_is_refused = True
    await bench.take(create(), create())
    await bench.settled()
    assert len(bench.application.posted) == 1
    assert bench.workers.ending == Ending(1008)
