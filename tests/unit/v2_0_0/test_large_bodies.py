"""Large bodies and histories across lanes, connections and keys of a process."""

import asyncio

from endpoint_patch.versions.v2_0_0.inserted import gate
from endpoint_patch.versions.v2_0_0.inserted import workers as module
from endpoint_patch.versions.v2_0_0.inserted.clocks import Ending
from fakes.lanes_bench import Bench, a_process, create

LARGE = 5 << 20


async def test_large_bodies_wait_for_each_other_in_all_connections():
    """Over all connections large bodies are posted one at a time; small ones do not wait."""
    process = a_process()
    one, two = Bench(process), Bench(process, b"another key")
    for bench in (one, two):
        bench.application.gate.clear()
    await one.take(create("a", size=LARGE), create("b", size=LARGE), create("c"))
    await two.take(create("a", size=LARGE), create("b"))
    await asyncio.sleep(0.01)
    assert (len(one.application.posted), len(two.application.posted)) == (2, 1)
    one.application.gate.set()
    two.application.gate.set()
    await asyncio.gather(one.settled(), two.settled())
    assert (len(one.application.posted), len(two.application.posted)) == (3, 2)


async def test_a_history_counts_before_it_is_built(monkeypatch):
    """A small frame with a large history waits like a large message, and is built afterwards."""
    monkeypatch.setattr(gate, "LARGE_BODY_BYTES", 1000)
    bench = Bench()
    messages = []
    bench.client.send_event = lambda event, stream_id=None: (
        messages.append(event) or asyncio.sleep(0)
    )
    await bench.take(create(warm_up=True, input="x" * 2000))
    await bench.settled()
    warm_up = messages[-1]["response"]["id"]
    bench.application.gate.clear()
    built = []
    begin = module.Session.begin
    monkeypatch.setattr(
        module.Session, "begin", lambda self, frame: built.append(1) or begin(self, frame)
    )
    await bench.take(*[create(lane, previous_response_id=warm_up) for lane in "abcd"])
    await asyncio.sleep(0.01)
    assert (len(built), len(bench.application.posted)) == (1, 1)
    bench.application.gate.set()
    await bench.settled()
    assert (len(built), len(bench.application.posted)) == (4, 4)
    assert all(len(body) > 2000 for body in bench.application.posted)


async def test_what_waits_too_long_is_told_so(monkeypatch):
    """A frame that waits too long is refused in its lane, unbuilt; the next is served."""
    monkeypatch.setattr(gate, "MAX_LARGE_WAITING_SECONDS", 0.05)
    monkeypatch.setattr(gate, "LARGE_PAUSE_SECONDS", 0)
    bench = Bench()
    bench.application.gate.clear()
    await bench.take(create("a", size=LARGE), create("b", size=LARGE))
    await asyncio.sleep(0.2)
    assert bench.client.told == [("websocket_stream_limit_reached", "b")]
    bench.application.gate.set()
    await bench.settled()
    await bench.take(create("b", size=LARGE))
    await bench.settled()
    assert len(bench.application.posted) == 2


async def test_what_waits_for_others_does_not_begin_after_the_end():
    """A waiting frame is dropped without an event if the connection ends meanwhile."""
    bench = Bench()
    bench.application.gate.clear()
    await bench.take(create("a", size=LARGE), create("b", size=LARGE))
    await asyncio.sleep(0.01)
    bench.workers.finish(Ending(1012))
    bench.application.gate.set()
    await bench.settled()
    assert len(bench.application.posted) == 1
    assert bench.client.told == [("the event's text", "a")]


async def test_a_turn_that_runs_holds_nothing_of_its_message():
    """A running turn has freed the frame's body, since LiteLLM has its own copy."""
    bench = Bench()
    bench.application.gate.clear()
    frame = create(input="x")
    await bench.take(frame)
    await asyncio.sleep(0.01)
    assert (frame.body, frame.texts) == ({}, {})
    bench.application.gate.set()
    await bench.settled()


async def test_a_running_turn_s_history_stays_and_a_closed_connection_s_goes():
    """A running turn's history stays; a closed connection's is freed."""
    process = a_process(history_bytes=20_000)
    bench, flood = Bench(process), Bench(process)
    messages = []
    bench.client.send_event = lambda event, stream_id=None: (
        messages.append(event) or asyncio.sleep(0)
    )
    await bench.take(create(warm_up=True, input="x" * 9000))
    await bench.settled()
    warm_up = messages[-1]["response"]["id"]
    bench.application.gate.clear()
    await bench.take(create(previous_response_id=warm_up))
    await asyncio.sleep(0.01)
    for _ in range(5):
        await flood.take(create(warm_up=True, input="y" * 9000))
        await flood.settled()
    assert process.histories.held <= 20_000
    bench.application.gate.set()
    await bench.settled()
    await bench.take(create(previous_response_id=warm_up))
    await bench.settled()
    assert b"xxx" in bench.application.posted[1]
    await flood.workers.end()
    await bench.workers.end()
    assert process.histories.held == 0
