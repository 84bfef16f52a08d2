"""Connection-local memory behind `previous_response_id` (pure).

Items are kept encoded and each turn holds only what it added, so a long conversation is
stored once however many turns it has. Over a limit the oldest turns go, but for those that are
pinned; their ids stay known as lost, so that the client is told at once and sends everything again
instead of being answered without its history.
"""

import contextlib
import sys
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from .histories import Histories

_OVERHEAD = 512  # bytes of a turn besides its ids and items


@dataclass(frozen=True)
class _Kept:
    parent: str | None
    items: bytes


class LostError(Exception):
    """The id was ours once and its items are gone."""


class Memory:
    """Response id -> the items of its turn and the id of the turn before."""

    def __init__(
        self,
        max_bytes: int,
        max_turns: int,
        histories: Histories | None = None,
        owner: bytes = b"",
    ) -> None:
        self._max_bytes = max_bytes
        self._max_turns = max_turns
        self._histories = histories  # the process's budget, which applies as well
        self._owner = owner
        self._pins: Counter[str] = Counter()
        self._turns: OrderedDict[str, _Kept] = OrderedDict()
        self._lost: dict[str, None] = {}
        self.size = 0  # bytes of items held

    def __len__(self) -> int:
        return len(self._turns)

    def remember(self, response_id: str, parent: str | None, items: bytes) -> None:
        """Keep the items (as JSON, separated by commas) that a turn added to `parent`'s."""
        if response_id in self._turns:  # a provider that repeats ids must not create a cycle
            try:
                before, parent = self.history(parent) if parent is not None else ([], None)
            except LostError:
                self.evict(response_id)
                return
            items = b",".join(part for part in (*before, items) if part)
        self._forget(response_id)
        self._lost.pop(response_id, None)
        self._turns[response_id] = _Kept(parent, items)
        self.size += len(items)
        if self._histories is not None:
            ids = sys.getsizeof(response_id) + sys.getsizeof(parent)
            cost = _OVERHEAD + ids + len(items)
            self._histories.add(self._owner, self, response_id, cost)
        while self.size > self._max_bytes or len(self) > self._max_turns:
            oldest = next((each for each in self._turns if each not in self._pins), None)
            if oldest is None:
                break
            self.evict(oldest)

    def history(self, response_id: str) -> tuple[list[bytes], str | None]:
        """Return the items up to and with a turn, and the id before them that is not ours.

        Raises LostError when a part of the conversation was dropped.
        """
        chain = list(self._chain(response_id))
        items = [self._turns[each].items for each in reversed(chain)]
        root = self._turns[chain[-1]].parent if chain else response_id
        if root in self._lost:
            raise LostError(response_id)
        return items, root

    def length(self, response_id: str | None) -> int:
        """Return how many bytes the items up to and with a turn are."""
        return sum(len(self._turns[each].items) for each in self._chain(response_id))

    @contextlib.contextmanager
    def pinned(self, response_id: str | None) -> Iterator[None]:
        """Keep a turn and those before it, whatever limit is reached meanwhile."""
        chain = list(self._chain(response_id))
        self._pins.update(chain)
        try:
            yield
        finally:
            self._pins.subtract(chain)
            self._pins = +self._pins  # without those that nothing pins any more

    def is_pinned(self, response_id: str) -> bool:
        """Tell whether a turn must stay."""
        return response_id in self._pins

    def clear(self) -> None:
        """Forget everything; the connection is closed."""
        for response_id in list(self._turns):
            self._forget(response_id)

    def _chain(self, response_id: str | None) -> Iterator[str]:
        """Yield a turn's id and those before it that are held, the newest first."""
        while response_id is not None and response_id in self._turns:
            yield response_id
            response_id = self._turns[response_id].parent

    def evict(self, response_id: str) -> None:
        """Drop a turn's items, and keep its id as lost."""
        self._forget(response_id)
        self._lost[response_id] = None
        if len(self._lost) > self._max_turns:
            del self._lost[next(iter(self._lost))]

    def _forget(self, response_id: str) -> None:
        kept = self._turns.pop(response_id, None)
        if kept is not None:
            self.size -= len(kept.items)
            if self._histories is not None:
                self._histories.remove(self._owner, self, response_id)
