"""End a connection at a drain, at its maximum lifetime, or if no first message comes."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import error_event

_LOOK_EVERY = 0.5  # seconds


@dataclass(frozen=True)
class Ending:
    """How a connection ends by itself: the close code, and the event that is told before it."""

    code: int
    event: dict[str, Any] | None = None


@dataclass(frozen=True)
class Clocks:
    """The deadlines of a connection, in seconds since it was accepted; 0 is none (pure)."""

    session_lifetime: float
    first_message_timeout: float

    def ending(self, age: float, *, heard: bool) -> Ending | None:
        """Return how the connection must end now, if it must; `heard`: a message has come."""
        if self.session_lifetime and age >= self.session_lifetime:
            message = "The connection reached its lifetime; open a new one."
            event = error_event(400, message, code="websocket_connection_limit_reached")
            return Ending(1001, event)
        if self.first_message_timeout and not heard and age >= self.first_message_timeout:
            message = "No message came in time."
            return Ending(1008, error_event(400, message, code="first_message_timeout"))
        return None

    def seconds_left(self, age: float, *, heard: bool) -> float | None:
        """Return the seconds until `ending` may say something else, or None for never."""
        due = [self.session_lifetime] if self.session_lifetime else []
        if self.first_message_timeout and not heard:
            due.append(self.first_message_timeout)
        return max(0.0, min(due) - age) if due else None


class DrainWatch:
    """Looks for files that end connections, for all those of a process.

    The pod's `preStop` hook creates one to drain; another switches the bridge off. One check serves
    all connections, and none is made while nobody is connected.
    """

    def __init__(self, *paths: str) -> None:
        self._paths = [path for path in paths if path]  # '': there is no such file
        self._told: set[Callable[[], None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def join(self, drained: Callable[[], None]) -> None:
        """Call `drained` once, as soon as one of the files exists.

        It is called even if the file has gone meanwhile: a frame may have been dropped for it.
        """
        if not self._paths:
            return
        if self._is_any_there():
            drained()
            return
        self._told.add(drained)
        self._arm()

    def leave(self, drained: Callable[[], None]) -> None:
        """Have it called no more."""
        self._told.discard(drained)
        if not self._told and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_EVERY, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._is_any_there():
            waiting, self._told = self._told, set()
            for drained in waiting:
                drained()
        elif self._told:
            self._arm()

    def _is_any_there(self) -> bool:
        return any(map(file_exists, self._paths))


def file_exists(path: str) -> bool:
    """Tell whether a file that an operator makes is there; '' never is."""
    return os.path.exists(path)  # noqa: PTH110
