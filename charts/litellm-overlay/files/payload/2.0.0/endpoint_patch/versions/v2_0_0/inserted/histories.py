"""One memory budget for the conversations of all connections of a worker process (pure).

When it is exceeded, the key that holds most loses its oldest turns first. A key that holds no more
than its fair share (the budget divided by the keys that hold something) loses nothing to others.
Pinned turns stay, since a running turn continues them.
"""

from collections import OrderedDict
from typing import Protocol


class Holder(Protocol):
    """One connection's memory, as the budget sees it."""

    def is_pinned(self, response_id: str) -> bool:
        """Tell whether a turn must stay."""

    def evict(self, response_id: str) -> None:
        """Drop a turn's items, keep its id as lost, and give its bytes back."""


class _Share:
    """What one key holds: turns of all its connections with their bytes, the oldest first."""

    def __init__(self) -> None:
        self.held = 0  # bytes
        self.turns: OrderedDict[tuple[Holder, str], int] = OrderedDict()

    def oldest(self, too_many: int) -> list[tuple[Holder, str]]:
        """Return the oldest turns that may go and hold so many bytes, or all of them."""
        going = []
        for turn, size in self.turns.items():
            if too_many <= 0:
                break
            if not turn[0].is_pinned(turn[1]):
                going.append(turn)
                too_many -= size
        return going


class Histories:
    """The budget of a process and what each key has of it."""

    def __init__(self, max_bytes: int) -> None:
        self.held = 0  # bytes
        self._max_bytes = max_bytes
        self._shares: dict[bytes, _Share] = {}  # of keys that hold something

    def add(self, owner: bytes, holder: Holder, response_id: str, size: int) -> None:
        """Count a turn in; others, or this one, may have to go for it."""
        share = self._shares.setdefault(owner, _Share())
        share.turns[holder, response_id] = size
        share.held += size
        self.held += size
        if self.held > self._max_bytes:
            self._fit()

    def remove(self, owner: bytes, holder: Holder, response_id: str) -> None:
        """Count a turn out."""
        share = self._shares[owner]
        size = share.turns.pop((holder, response_id))
        share.held -= size
        self.held -= size
        if not share.turns:
            del self._shares[owner]

    def _fit(self) -> None:
        fair = self._max_bytes // len(self._shares)
        for share in sorted(self._shares.values(), key=lambda each: each.held, reverse=True):
            too_many = min(self.held - self._max_bytes, share.held - fair)
            for holder, response_id in share.oldest(too_many):
                holder.evict(response_id)
