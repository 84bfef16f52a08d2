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
    items: tuple[bytes, ...]
    size: int


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

    def __contains__(self, response_id: str | None) -> bool:
        return response_id in self._turns or response_id in self._lost

    def __len__(self) -> int:
        return len(self._turns)

    def remember(self, response_id: str, parent: str | None, items: list[bytes]) -> None:
        """Keep the items (encoded JSON) that a turn added to the conversation of `parent`."""
        if response_id in self._turns:  # a provider that repeats its ids must not make a circle
            try:
                before, parent = self.history(parent) if parent is not None else ([], None)
            except LostError:
                self._lose(response_id)
                return
            items = before + items
        self._forget(response_id)
        kept = _Kept(parent, tuple(items), sum(map(len, items)))
        self._lost.pop(response_id, None)
        self._turns[response_id] = kept
        self.size += kept.size
        while self._turns and (self.size > self._max_bytes or len(self) > self._max_turns):
            self._lose(next(iter(self._turns)))

    def history(self, response_id: str) -> tuple[list[bytes], str | None]:
        """Return the items up to and with a turn, and the id before them that is not ours.

        Raises LostError when a part of the conversation was dropped.
        """
        chain: list[tuple[bytes, ...]] = []
        current: str | None = response_id
        while current is not None and current in self._turns:
            kept = self._turns[current]
            chain.append(kept.items)
            current = kept.parent
        if current in self._lost:
            raise LostError(response_id)
        return [item for items in reversed(chain) for item in items], current

    def _lose(self, response_id: str) -> None:
        self._forget(response_id)
        self._lost[response_id] = None
        if len(self._lost) > self._max_turns:
            del self._lost[next(iter(self._lost))]

    def _forget(self, response_id: str) -> None:
        kept = self._turns.pop(response_id, None)
        if kept is not None:
            self.size -= kept.size
