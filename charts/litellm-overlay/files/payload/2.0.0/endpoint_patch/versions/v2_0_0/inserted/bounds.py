"""Limits on memory and work: the numbers, and the counters that enforce them (pure).

A `Room` is one connection's. An `Allowance` is one connection's or, out of `Allowances`, one
key's in the whole process.
"""

from collections.abc import Callable

MAX_IN_FLIGHT = 16  # OpenAI's limits on one connection
MAX_STREAM_IDS = 32
MAX_IN_FLIGHT_BYTES = 32 << 20  # two of the largest messages
MAX_MEMORY_BYTES = 64 << 20
MAX_MEMORY_TURNS = 4096
MAX_EVENT_BYTES = 64 << 20
# For frames that start no turn, each minute: two of the largest messages, 1/30 of a CPU.
MAX_IDLE_BYTES = 32 << 20
MAX_IDLE_SECONDS = 2.0
# Bodies that are larger than this are built and handed over one at a time in a process.
LARGE_BODY_BYTES = 4 << 20
MAX_LARGE_BYTES = 128 << 20  # of them in flight, in a process
MAX_LARGE_BYTES_OF_KEY = 64 << 20
MAX_LARGE_WAITING = 32  # of one key
MAX_LARGE_WAITING_SECONDS = 60.0
LARGE_PAUSE_SECONDS = 0.1  # between two; without it the memory of both adds up
MAX_LARGE_ALONE_SECONDS = 2.0  # a silent provider must not keep the others waiting
MAX_TOLD = 32  # connections of refused keys, in a process; they are open only to be told why
TOLD_SECONDS = 0.5  # and for so long
SMALL_BYTES = 64 << 10  # what is smaller is looked at in any case


class Room:
    """Room for frames in flight, waiting or running, by number and by bytes."""

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self.max_frames = max_frames
        self.max_bytes = max_bytes
        self._frames = 0
        self._bytes = 0

    def fits(self, size: int) -> bool:
        """Tell whether one more frame of so many bytes may come in; alone, any size may."""
        if self._frames >= self.max_frames:
            return False
        return not self._frames or self._bytes + size <= self.max_bytes

    def take(self, size: int) -> None:
        """Count a frame in."""
        self._frames += 1
        self._bytes += size

    def give_back(self, size: int) -> None:
        """Count a frame out."""
        self._frames -= 1
        self._bytes -= size


class Allowance:
    """What frames that start no turn may cost in a minute, in bytes and in seconds of CPU.

    The number of frames does not count: acknowledgements and small events of SDKs are honest. What
    is spent comes back evenly over a minute. One may spend more than is left, and is then in debt.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._spent = 0.0  # in minutes' worth, whichever of the two is more

    def charge(self, size: int, seconds: float) -> None:
        """Count what a frame cost."""
        self._spent = self._left_over() + max(size / MAX_IDLE_BYTES, seconds / MAX_IDLE_SECONDS)
        self._at = self._clock()

    def in_debt(self) -> bool:
        """Tell whether more was spent than a minute gives."""
        return self._left_over() > 1.0

    def is_whole(self) -> bool:
        """Tell whether all of it came back, so that nothing needs to be remembered."""
        return self._left_over() <= 0.0

    def _left_over(self) -> float:
        return max(0.0, self._spent - (self._clock() - self._at) / 60)


class Allowances:
    """The allowance of each key in a process, so that a new connection brings no new one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._by_owner: dict[bytes, Allowance] = {}
        self._sweep_at = 1024

    def for_key(self, owner: bytes) -> Allowance:
        """Return a key's allowance."""
        if len(self._by_owner) >= self._sweep_at:
            kept = {key: each for key, each in self._by_owner.items() if not each.is_whole()}
            self._by_owner, self._sweep_at = kept, max(1024, 2 * len(kept))
        return self._by_owner.setdefault(owner, Allowance(self.clock))
