"""A process's budget for histories: the key that holds most loses first, none below its share."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.histories import Histories
from endpoint_patch.versions.v2_0_0.inserted.memory import LostError, Memory

OVERHEAD = 700  # of a turn, roughly


def connection(histories, owner, max_bytes=1 << 30, max_turns=4096):
    return Memory(max_bytes, max_turns, histories, owner)


def chain(memory, name, turns=3, size=1000):
    """Remember a conversation of this many turns; return the id of its last one."""
    parent = None
    for number in range(turns):
        memory.remember(f"{name}{number}", parent, b"x" * size)
        parent = f"{name}{number}"
    return parent


def is_whole(memory, response_id, bytes_held):
    try:
        return sum(map(len, memory.history(response_id)[0])) == bytes_held
    except LostError:
        return False


def test_a_flood_costs_no_other_key_a_turn():
    """A key that floods from many connections loses its own oldest turns, and no other key's."""
    histories = Histories(1 << 20)
    quiet = [connection(histories, b"b") for _ in range(4)]
    last = [chain(memory, f"b{number}.", 20, 1000) for number, memory in enumerate(quiet)]
    flood = [connection(histories, b"a") for _ in range(8)]
    for turn in range(400):
        for memory in flood:
            memory.remember(f"a{turn}", None, b"y" * 5000)
    assert all(is_whole(memory, end, 20_000) for memory, end in zip(quiet, last, strict=True))
    assert (1 << 20) - 6000 < histories.held <= 1 << 20
    assert is_whole(flood[-1], "a399", 5000)
    with pytest.raises(LostError):
        flood[0].history("a0")


def test_the_oldest_go_first_whichever_connection_they_are_of():
    """Within a key the oldest turns go first, of whichever connection."""
    histories = Histories(10 * (1000 + OVERHEAD))
    one, two = connection(histories, b"a"), connection(histories, b"a")
    chain(one, "one", 4)
    chain(two, "two", 8)
    assert not is_whole(one, "one3", 4000)
    assert is_whole(two, "two7", 8000)


def test_who_holds_most_loses_however_small_the_last_one_was():
    """A key that adds within its share displaces the turns of the key that holds most."""
    histories = Histories(20 * (1000 + OVERHEAD))
    a, b = connection(histories, b"a"), connection(histories, b"b")
    end = chain(a, "a", 19)
    assert is_whole(a, end, 19_000)
    end = chain(b, "b", 5)
    assert is_whole(b, end, 5000)
    assert not is_whole(a, "a18", 19_000)


def test_who_holds_most_loses_first():
    """The key that holds most loses, not another that only exceeds the fair share."""
    histories = Histories(30 * (1000 + OVERHEAD))
    a, b, c = (connection(histories, owner) for owner in (b"a", b"b", b"c"))
    chain(b, "b", 1)
    end = chain(c, "c", 12)
    chain(a, "a", 21)
    assert is_whole(c, end, 12_000)
    assert not is_whole(a, "a20", 21_000)


def test_a_fair_share_shrinks_as_keys_come():
    """Four keys end with a fourth of the budget each, to within a turn."""
    histories = Histories(1 << 20)
    for number in range(4):
        chain(connection(histories, b"%d" % number), "r", 1000)
    held = sorted(share.held for share in histories._shares.values())
    assert held[0] > (1 << 18) - 4000
    assert histories.held <= 1 << 20


def test_what_runs_keeps_its_history():
    """The pinned history of a running turn stays, beyond all budgets, until the turn ends."""
    histories = Histories(10 * (1000 + OVERHEAD))
    memory = connection(histories, b"a", max_bytes=8000)
    end = chain(memory, "old", 3)
    with memory.pinned(end), memory.pinned(end):
        chain(memory, "new", 20)
        assert is_whole(memory, end, 3000)
        chain(connection(histories, b"a"), "other", 20)
        assert is_whole(memory, end, 3000)
    chain(memory, "newer", 20)
    assert not is_whole(memory, end, 3000)
    assert memory._pins == {}


def test_pins_are_no_way_around_the_budget():
    """If everything is pinned, a new turn is not kept, so the budget holds."""
    histories = Histories(10 * (1000 + OVERHEAD))
    memory = connection(histories, b"a")
    with memory.pinned(chain(memory, "pinned", 10)):
        memory.remember("new", None, b"x" * 5000)
        assert not is_whole(memory, "new", 5000)
        assert histories.held <= 10 * (1000 + OVERHEAD)


def test_ids_are_memory_too():
    """Ids count against the budget, since a client can send long ones."""
    histories = Histories(1 << 20)
    memory = connection(histories, b"a")
    for number in range(20):
        memory.remember(f"r{number}", "p" * 300_000 + str(number), b"")
    assert histories.held <= 1 << 20
    assert len(memory) == 3


def test_a_connection_that_ends_gives_all_back():
    """A connection that ends frees everything, also repeated ids and evicted turns."""
    histories = Histories(1 << 20)
    memory = connection(histories, b"a", max_bytes=5000)
    chain(memory, "r", 30)
    chain(memory, "r", 30)
    memory.remember("r29", "r29", b"x")
    memory.evict("r29")
    memory.evict("never there")
    memory.clear()
    assert (histories.held, histories._shares, len(memory)) == (0, {}, 0)


def test_the_length_of_a_history_is_known_before_it_is_built():
    """`length` gives a history's bytes without building it; 0 for an unknown id."""
    memory = connection(Histories(1 << 20), b"a")
    end = chain(memory, "r", 7)
    assert (memory.length(end), memory.length("other"), memory.length(None)) == (7000, 0, 0)
