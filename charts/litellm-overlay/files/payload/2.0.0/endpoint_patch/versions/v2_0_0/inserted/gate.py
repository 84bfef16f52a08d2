"""Build large request bodies one at a time: a few bytes can ask for a history of 64 MiB.

While a large body is built, or read by LiteLLM, it takes many times its size in memory and blocks
the event loop. So the next one waits until LiteLLM has begun to answer the one before, or until
that takes so long that only the provider can be slow. Bodies whose answers still run are bounded
by their total size.
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
    """Do nothing when the answer to a small body begins: nobody waits for it."""


class Gate:
    """Queue large bodies of all connections, and serve the keys in turn."""

    def __init__(self) -> None:
        self._is_taken = False  # a body is being built or read
        self._in_flight: Counter[bytes] = Counter()  # bytes of large bodies by key
        self._queues: OrderedDict[bytes, deque[_Waiting]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def slot(self, owner: bytes, size: int) -> AsyncGenerator[Callable[[], None], None]:
        """Wait for permission to build a body of about `size` bytes, and hold it until the exit.

        Yields a function to call once the answer to that body begins. Raises RefusalError where
        the body would wait too long, or behind too many others of its key.
        """
        if size <= LARGE_BODY_BYTES:
            yield _nothing
            return
        await self._enter(owner, size)
        begun = _Once(self._let_next)
        # The timer needs the event loop, so it cannot fire while the body is being built.
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
        if waiting[0].done():  # it was let in just now, but its client has left
            self._leave(owner, waiting[1])
            self._let_next()
            return
        self._queues[owner].remove(waiting)
        if not self._queues[owner]:
            del self._queues[owner]

    def _let_next(self) -> None:
        """Let the next body in after a pause, in which LiteLLM frees the memory of the last."""
        asyncio.get_running_loop().call_later(LARGE_PAUSE_SECONDS, self._open)

    def _open(self) -> None:
        self._is_taken = False
        self._serve()

    def _serve(self) -> None:
        """Let in the oldest body of the next key whose body fits, if there is one."""
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
        """Tell whether a body stays within the limits; one that runs alone may have any size."""
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
    """Call a function the first time only."""

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
