"""Lanes: frames in order within their lane, within the limits."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoint_patch.versions.v2_0_0.inserted.bounds import Room
from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from endpoint_patch.versions.v2_0_0.inserted.frames import Create
from endpoint_patch.versions.v2_0_0.inserted.lanes import Lanes

OPENED, JOINED, FULL = "opened its lane", "joined its lane", "refused"


def frame(stream_id=None, number=0):
    return Create({"number": number}, stream_id, warm_up=False)


def put(lanes, stream_id, size=1, number=0):
    try:
        return OPENED if lanes.put(frame(stream_id, number), size) else JOINED
    except RefusalError:
        return FULL


@pytest.mark.parametrize(
    ("held", "size", "fits"),
    [
        ([], 1, True),
        ([], 11, True),  # otherwise a large message could never enter
        ([9], 1, True),
        ([9], 2, False),
        ([11], 0, False),
        ([1, 1], 1, True),
        ([1, 1, 1], 0, False),
    ],
)
def test_room_is_bounded_twice(held, size, fits):
    """Room is limited by frames and by bytes; `fits` takes none."""
    room = Room(3, 10)
    for one in held:
        room.take(one)
    assert [room.fits(size), room.fits(size)] == [fits, fits]
    for one in held:
        room.give_back(one)
    assert room.fits(11)


@pytest.mark.parametrize(
    ("puts", "answers"),
    [
        ([None, None], [OPENED, JOINED]),
        (["a", "b", "a", None], [OPENED, OPENED, JOINED, OPENED]),
        (["a", "a", "a", "a", "a"], [OPENED, JOINED, JOINED, JOINED, FULL]),
        ([None, "a", "b", None, "a"], [OPENED, OPENED, OPENED, JOINED, FULL]),
        (["a", "b", "c", "a"], [OPENED, OPENED, FULL, JOINED]),
        (["a", "b", "c", None], [OPENED, OPENED, FULL, OPENED]),
        ([("a", 6), ("a", 4), ("b", 1)], [OPENED, JOINED, FULL]),
        ([("a", 6), ("b", 5), ("b", 4)], [OPENED, FULL, OPENED]),
        ([("a", 99), ("a", 1)], [OPENED, FULL]),
    ],
)
def test_what_comes_in(puts, answers):
    """Frames, bytes and stream ids are limited; a refused frame does not use them up."""
    lanes = Lanes(Room(4, 10), max_stream_ids=2)
    puts = [one if isinstance(one, tuple) else (one,) for one in puts]
    assert [put(lanes, *one) for one in puts] == answers


def test_a_refusal_is_told_to_its_lane():
    """A refusal names its lane and the limits."""
    lanes = Lanes(Room(1, 32 << 20), max_stream_ids=2)
    put(lanes, "a")
    with pytest.raises(RefusalError, match="At most 1 turns in flight, 2 stream ids and 32 MiB"):
        lanes.put(frame("b"), 1)
    with pytest.raises(RefusalError) as refused:
        lanes.put(frame("b"), 1)
    assert (refused.value.stream_id, refused.value.close) == ("b", None)
    assert refused.value.event["status"] == 400
    error = refused.value.event["error"]
    assert (error["code"], error["param"]) == ("websocket_stream_limit_reached", "stream_id")


def test_a_stream_id_counts_for_the_connection_s_life():
    """A stream id counts until the connection ends; one of a refused frame does not."""
    lanes = Lanes(Room(1, 10), max_stream_ids=1)
    put(lanes, None)
    assert put(lanes, "refused") == FULL
    list(lanes.frames(None))
    assert put(lanes, "a") == OPENED
    list(lanes.frames("a"))
    assert put(lanes, "b") == FULL
    assert put(lanes, "a") == OPENED


def test_a_lane_keeps_its_order_and_no_other_lane_waits():
    """A lane keeps its order and waits for no other; frames that join it are run as well."""
    lanes = Lanes(Room(9, 99), max_stream_ids=9)
    for number, stream_id in enumerate(["a", "b", "a", "b"]):
        put(lanes, stream_id, number=number)
    a, b = lanes.frames("a"), lanes.frames("b")
    order = [next(b), next(a), next(a)]
    assert put(lanes, "a", number=4) == JOINED
    order += [*a, *b]
    assert [one.body["number"] for one in order] == [1, 0, 2, 4, 3]
    assert put(lanes, "a") == OPENED


def test_a_frame_holds_its_room_until_the_next_is_asked_for():
    """A running frame keeps its room until the next one is taken."""
    lanes = Lanes(Room(2, 10), max_stream_ids=9)
    put(lanes, "a")
    put(lanes, "a")
    frames = lanes.frames("a")
    next(frames)
    assert put(lanes, "b") == FULL
    next(frames)
    assert put(lanes, "b") == OPENED


@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=8),
    run=st.integers(1, 8),
)
def test_whatever_happens_all_room_comes_back(sizes, run):
    """All room is returned, also when a lane is left early."""
    room = Room(4, 10)
    lanes = Lanes(room, max_stream_ids=1)
    taken = sum(put(lanes, "a", size) != FULL for size in sizes)
    with contextlib.closing(lanes.frames("a")) as frames:
        for _ in range(min(run, taken)):
            next(frames)
    assert (room._frames, room._bytes) == (0, 0)
    assert put(lanes, "a", 99) == OPENED
