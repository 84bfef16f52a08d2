"""What frames that start no turn may cost: bytes and seconds a minute, never a number."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.bounds import (
    MAX_IDLE_BYTES,
    MAX_IDLE_SECONDS,
    Allowance,
    Allowances,
)


class Clock:
    """Gives the time it is set to."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("size", "seconds", "debt"),
    [
        (MAX_IDLE_BYTES, 0, False),
        (MAX_IDLE_BYTES + 1, 0, True),
        (0, MAX_IDLE_SECONDS, False),
        (0, MAX_IDLE_SECONDS * 1.01, True),
        (MAX_IDLE_BYTES // 2, MAX_IDLE_SECONDS, False),  # whichever is more, not both together
    ],
)
def test_bytes_and_time_are_bounded(size, seconds, debt):
    """A minute's worth of either may be spent at once."""
    allowance = Allowance(Clock())
    assert not allowance.in_debt()
    allowance.charge(size, seconds)
    assert allowance.in_debt() is debt


def test_a_number_is_not():
    """A hundred thousand small events are no debt."""
    allowance = Allowance(Clock())
    for _ in range(100_000):
        allowance.charge(60, 0.00001)
    assert not allowance.in_debt()


def test_what_was_spent_comes_back():
    """A minute pays for a minute's worth, and a debt of three takes two more to end."""
    clock = Clock()
    allowance = Allowance(clock)
    allowance.charge(3 * MAX_IDLE_BYTES, 0)
    for minutes, debt, whole in ((1.9, True, False), (2.1, False, False), (3.0, False, True)):
        clock.now = 100.0 + 60 * minutes
        assert (allowance.in_debt(), allowance.is_whole()) == (debt, whole)
    allowance.charge(MAX_IDLE_BYTES, 0)
    assert not allowance.in_debt()


def test_a_key_has_one_allowance_while_it_matters():
    """Not a fresh one with each connection; those that are whole again are forgotten."""
    clock = Clock()
    allowances = Allowances(clock)
    allowances.for_key(b"spender").charge(2 * MAX_IDLE_BYTES, 0)
    for number in range(5000):
        allowances.for_key(b"%d" % number)
    assert allowances.for_key(b"spender").in_debt()
    assert not allowances.for_key(b"other").in_debt()
    assert len(allowances._by_owner) < 1100
