"""The limits of frames that start no turn: bytes and seconds per minute, not their number."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.bounds import (
    MAX_IDLE_BYTES,
    MAX_IDLE_SECONDS,
    Allowance,
    Allowances,
)


class Clock:
    """A clock that returns the time it is set to."""

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
        (MAX_IDLE_BYTES // 2, MAX_IDLE_SECONDS, False),  # each counts alone; they are not added
    ],
)
def test_bytes_and_time_are_bounded(size, seconds, debt):
    """A key is in debt beyond one minute's bytes or seconds."""
    allowance = Allowance(Clock())
    assert not allowance.in_debt()
    allowance.charge(size, seconds)
    assert allowance.in_debt() is debt


def test_a_number_is_not():
    """A hundred thousand small events cause no debt."""
    allowance = Allowance(Clock())
    for _ in range(100_000):
        allowance.charge(60, 0.00001)
    assert not allowance.in_debt()


def test_what_was_spent_comes_back():
    """Each minute pays back one minute's allowance, so a debt of three takes two more to end."""
    clock = Clock()
    allowance = Allowance(clock)
    allowance.charge(3 * MAX_IDLE_BYTES, 0)
    for minutes, debt, whole in ((1.9, True, False), (2.1, False, False), (3.0, False, True)):
        clock.now = 100.0 + 60 * minutes
        assert (allowance.in_debt(), allowance.is_whole()) == (debt, whole)
    allowance.charge(MAX_IDLE_BYTES, 0)
    assert not allowance.in_debt()


def test_a_key_has_one_allowance_while_it_matters():
    """A key has one allowance for all connections; allowances without debt are forgotten."""
    clock = Clock()
    allowances = Allowances(clock)
    allowances.for_key(b"spender").charge(2 * MAX_IDLE_BYTES, 0)
    for number in range(5000):
        allowances.for_key(b"%d" % number)
    assert allowances.for_key(b"spender").in_debt()
    assert not allowances.for_key(b"other").in_debt()
    assert len(allowances._by_owner) < 1100
