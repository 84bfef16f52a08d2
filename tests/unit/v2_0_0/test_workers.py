"""Frames handled in their lanes, with a fake client and a fake application."""

import asyncio
import json
import logging

import pytest

from endpoint_patch.versions.v2_0_0.inserted import workers as module
from endpoint_patch.versions.v2_0_0.inserted.clocks import Ending
from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from fakes.lanes_bench import Bench, create


async def test_each_frame_gets_its_answer_in_its_lane():
    """A turn, a refusal and a warm-up are answered in their lanes; the supervisor is not woken."""
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
    """Each turn logs a line with LiteLLM's call id and cost, without key or text."""
    with caplog.at_level(logging.INFO):
        bench = Bench()
        await bench.take(create("a"))
        await bench.settled()
    (record,) = caplog.records
    line = json.loads(record.getMessage().partition("turn ")[2])
    assert set(line) == {"call_id", "cost", "http_status", "outcome", "seconds"}


async def test_a_lane_waits_for_its_turn_and_no_other_does():
    """A lane runs one turn at a time; lanes run in parallel."""
    bench = Bench()
    bench.application.gate.clear()
    await bench.take(create("a"), create("a"), create("b"))
    await asyncio.sleep(0.01)
    assert len(bench.application.posted) == 2
    bench.application.gate.set()
    await bench.settled()
    assert len(bench.application.posted) == 3


async def test_what_is_too_much_is_refused_out_of_turn():
    """The 17th frame is refused at once, while the first still runs."""
    bench = Bench()
    bench.application.gate.clear()
    await bench.take(*[create("a")] * 17)
    assert bench.client.told == [("websocket_stream_limit_reached", "a")]
    await bench.workers.end()


@pytest.mark.parametrize("why", ["ending", "gone"])
async def test_nothing_begins_any_more(why):
    """When the connection ends, the running turn completes; waiting and later ones are dropped."""
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
    """A message over the limit or a lost key ends the connection.

    A lost key needs two signs: a turn's answer, and then a check that refuses the key.
    """
    bench = Bench()
    bench.application.lost_identity, bench.key_is_refused = lost_identity, refused
    await bench.take(frame)
    await bench.settled()
    assert bench.workers.ending == ending
    assert bench.client.close_code is None  # running turns end first


async def test_the_first_reason_to_end_counts():
    """The first reason to end counts, and later frames are dropped."""
    bench = Bench()
    for code in (1009, 1008):
        bench.workers.finish(Ending(code))
    await bench.take(create())
    assert bench.workers.ending == Ending(1009)
    assert bench.wake.is_set()
    assert (bench.application.posted, bench.client.told) == ([], [])


async def test_a_fault_of_ours_is_no_silence(caplog):
    """A fault of the bridge is an error event and a log record; the lane goes on."""
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
    """An event that cannot be remembered is still sent."""

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
    """Running turns get a grace period and are then cancelled; `end` waits for them."""
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
    """No turn begins after a decision to close, not even the next in that lane."""
    bench = Bench()
    bench.application.lost_identity = bench.key_is_refused = True
    await bench.take(create(), create())
    await bench.settled()
    assert len(bench.application.posted) == 1
    assert bench.workers.ending == Ending(1008)
