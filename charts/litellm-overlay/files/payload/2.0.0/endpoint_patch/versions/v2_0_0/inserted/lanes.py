"""Queue frames: lanes run in parallel, the frames of one lane in order (pure)."""

from collections import deque
from collections.abc import Generator

from .bounds import Room
from .errors import RefusalError
from .frames import Frame


class Lanes:
    """The lanes of one connection: one for each `stream_id`, and one for frames without.

    A lane is there while it has a frame; its id counts as long as the connection lives.
    """

    def __init__(self, room: Room, max_stream_ids: int) -> None:
        self._room = room
        self._max_stream_ids = max_stream_ids
        self._stream_ids: set[str] = set()
        self._lanes: dict[str | None, deque[tuple[Frame, int]]] = {}  # each frame with its size

    def put(self, frame: Frame, size: int) -> bool:
        """Queue a frame; return True if it opened its lane, so that the caller must run `frames`.

        Raises RefusalError, and queues nothing, where a limit is reached: an unbounded queue would
        be unbounded memory.
        """
        stream_id = frame.stream_id
        if not self._room.fits(size) or not self._may_name(stream_id):
            raise self._full(stream_id)
        self._room.take(size)
        if stream_id is not None:
            self._stream_ids.add(stream_id)
        opened = stream_id not in self._lanes
        self._lanes.setdefault(stream_id, deque()).append((frame, size))
        return opened

    def frames(self, stream_id: str | None) -> Generator[Frame, None, None]:
        """Yield a lane's frames in order; each counts as in flight until the next is asked for.

        The lane ends when no frame is left, or when this generator is closed, which drops the rest.
        """
        lane = self._lanes[stream_id]
        try:
            while lane:
                frame, size = lane.popleft()
                try:
                    yield frame
                finally:
                    self._room.give_back(size)
        finally:
            for _, size in lane:
                self._room.give_back(size)
            del self._lanes[stream_id]

    def _may_name(self, stream_id: str | None) -> bool:
        return (
            stream_id is None
            or stream_id in self._stream_ids
            or len(self._stream_ids) < self._max_stream_ids
        )

    def _full(self, stream_id: str | None) -> RefusalError:
        message = (
            f"At most {self._room.max_frames} turns in flight, {self._max_stream_ids} stream ids "
            f"and {self._room.max_bytes >> 20} MiB of them."
        )
        code = "websocket_stream_limit_reached"
        return RefusalError(message, code, "stream_id", stream_id=stream_id)
