"""Large bodies, let through one at a time: a few bytes can ask for a history of 64 MiB.

One that is being built, or that LiteLLM reads, takes many times its size and holds up the loop.
So the next waits until LiteLLM has begun to answer the last, or long enough for that to be the
provider's silence; those that are still being answered are bounded in bytes.
"""

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable

from .bounds import (
    LARGE_BODY_BYTES,
    LARGE_PAUSE_SECONDS,
    MAX_LARGE_ALONE_SECONDS,
    MAX_LARGE_BYTES,
    MAX_LARGE_BYTES_OF_KEY,
    MAX_LARGE_WAITING,
    MAX_LARGE_WAITING_SECONDS,
)
from .errors import RefusalError

_Waiting = tuple["asyncio.Future[None]", int]


def _nothing() -> None:
    """Do what the beginning of an answer changes for a body that is not large."""


class Gate:
    """Where large bodies of all connections wait for each other, key by key in turn."""

    def __init__(self) -> None:
        self._is_taken = False  # a body is being built or read
        self._in_flight: Counter[bytes] = Counter()  # bytes of large bodies by key
        self._queues: OrderedDict[bytes, deque[_Waiting]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def slot(self, owner: bytes, size: int) -> AsyncGenerator[Callable[[], None], None]:
        """Wait until a body of about so many bytes may be built; until the end it counts.

        Yields what is to be called once its answer begins. Raises RefusalError where it would
        wait for too long or behind too many.
        """
        if size <= LARGE_BODY_BYTES:
            yield _nothing
            return
        await self._enter(owner, size)
        begun = _Once(self._let_next)
        # It waits for the loop, so it cannot come before what was built is built.
        timer = asyncio.get_running_loop().call_later(MAX_LARGE_ALONE_SECONDS, begun)
        try:
            yield begun
        finally:
            timer.cancel()
            self._leave(owner, size)
            begun()
            self._serve()

    async def _enter(self, owner: bytes, size: int) -> None:
        if not self._queues and self._fits(owner, size):
            self._take(owner, size)
            return
        queue = self._queues.setdefault(owner, deque())
        if len(queue) >= MAX_LARGE_WAITING:
            raise _too_many()
        waiting: _Waiting = (asyncio.get_running_loop().create_future(), size)
        queue.append(waiting)
        self._serve()
        try:
            await asyncio.wait({waiting[0]}, timeout=MAX_LARGE_WAITING_SECONDS)
        except asyncio.CancelledError:
            self._withdraw(owner, waiting)
            raise
        if not waiting[0].done():
            self._withdraw(owner, waiting)
            raise _too_many()

    def _withdraw(self, owner: bytes, waiting: _Waiting) -> None:
        if waiting[0].done():  # let in just now, and gone all the same
            self._leave(owner, waiting[1])
            self._let_next()
            return
        self._queues[owner].remove(waiting)
        if not self._queues[owner]:
            del self._queues[owner]

    def _let_next(self) -> None:
        """Let the next one in when LiteLLM has put away what it made of the last."""
        asyncio.get_running_loop().call_later(LARGE_PAUSE_SECONDS, self._open)

    def _open(self) -> None:
        self._is_taken = False
        self._serve()

    def _serve(self) -> None:
        """Let in the first of the next key whose body fits, if one may come in."""
        for owner, queue in self._queues.items():
            if self._fits(owner, queue[0][1]):
                future, size = queue.popleft()
                self._queues.move_to_end(owner)
                if not queue:
                    del self._queues[owner]
                self._take(owner, size)
                future.set_result(None)
                return

    def _fits(self, owner: bytes, size: int) -> bool:
        """Tell whether a body may be let in; alone, any size may."""
        of_key, of_all = self._in_flight[owner], self._in_flight.total()
        return not (
            self._is_taken
            or (of_key and of_key + size > MAX_LARGE_BYTES_OF_KEY)
            or (of_all and of_all + size > MAX_LARGE_BYTES)
        )

    def _take(self, owner: bytes, size: int) -> None:
        self._is_taken = True
        self._in_flight[owner] += size

    def _leave(self, owner: bytes, size: int) -> None:
        self._in_flight[owner] -= size
        if not self._in_flight[owner]:
            del self._in_flight[owner]


class _Once:
    """A call that is made the first time only."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


def _too_many() -> RefusalError:
    return RefusalError(
        "Large requests run one at a time, and too many wait before this one.",
        "websocket_stream_limit_reached",
        "stream_id",
    )
