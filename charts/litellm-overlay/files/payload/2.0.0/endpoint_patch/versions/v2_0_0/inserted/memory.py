"""Connection-local memory behind `previous_response_id` (pure).

Items are kept encoded and each turn holds only what it added, so a long conversation is
stored once however many turns it has. Over a limit the oldest turns go; their ids stay known as
lost, so that the client is told at once and sends everything anew instead of being answered
without its history.
"""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True)
class _Kept:
    parent: str | None
    items: bytes


class LostError(Exception):
    """The id was ours once and its items are gone."""


class Memory:
    """Response id -> the items of its turn and the id of the turn before."""

    def __init__(self, max_bytes: int, max_turns: int) -> None:
        self._max_bytes = max_bytes
        self._max_turns = max_turns
        self._turns: OrderedDict[str, _Kept] = OrderedDict()
        self._lost: dict[str, None] = {}
        self.size = 0  # bytes of items held

    def __len__(self) -> int:
        return len(self._turns)

    def remember(self, response_id: str, parent: str | None, items: bytes) -> None:
        """Keep the items (as JSON, separated by commas) that a turn added to `parent`'s."""
        if response_id in self._turns:  # a provider that repeats its ids must not make a circle
            try:
                before, parent = self.history(parent) if parent is not None else ([], None)
            except LostError:
                self.lose(response_id)
                return
            items = b",".join(part for part in (*before, items) if part)
        self._forget(response_id)
        self._lost.pop(response_id, None)
        self._turns[response_id] = _Kept(parent, items)
        self.size += len(items)
        while self._turns and (self.size > self._max_bytes or len(self) > self._max_turns):
            self.lose(next(iter(self._turns)))

    def history(self, response_id: str) -> tuple[list[bytes], str | None]:
        """Return the items up to and with a turn, and the id before them that is not ours.

        Raises LostError when a part of the conversation was dropped.
        """
        chain: list[bytes] = []
        current: str | None = response_id
        while current is not None and current in self._turns:
            kept = self._turns[current]
            chain.append(kept.items)
            current = kept.parent
        if current in self._lost:
            raise LostError(response_id)
        return chain[::-1], current

    def lose(self, response_id: str) -> None:
        """Forget a turn, but not that it was ours."""
        self._forget(response_id)
        self._lost[response_id] = None
        if len(self._lost) > self._max_turns:
            del self._lost[next(iter(self._lost))]

    def _forget(self, response_id: str) -> None:
        kept = self._turns.pop(response_id, None)
        if kept is not None:
            self.size -= len(kept.items)
