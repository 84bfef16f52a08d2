"""Server-sent events, parsed as the HTML standard says, from bytes split anywhere (pure)."""

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventStream:
    """`feed` takes the next bytes of a text/event-stream and returns each complete event's data."""

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._tail = bytearray()  # a line whose end has not come yet
        self._data: list[bytes] = []
        self._size = 0
        self._first_line = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[str]:
        """Return the data of the events that `chunk` completes; ValueError past the limit."""
        if self._is_one_event(chunk):  # so LiteLLM sends them, and there are many
            self._first_line = self._after_cr = False
            return [chunk[6:-2].decode("utf-8", "replace")]
        if self._after_cr and chunk:  # the LF of a CRLF that was cut in two
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        events: list[str] = []
        start = 0
        # Only the new bytes are searched, so a long line in many chunks stays linear.
        for end in _LINE_END.finditer(chunk):
            line = chunk[start : end.start()]
            if self._tail:
                self._tail += line
                line = bytes(self._tail)
                self._tail.clear()
            start = end.end()
            self._line(line, events)
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        self._tail += chunk[start:]
        if self._size + len(self._tail) > self._max_event_bytes:
            raise ValueError("an event of the stream is too large")
        return events

    def _is_one_event(self, chunk: bytes) -> bool:
        """Tell whether a chunk is a whole event of one line, where an event may begin."""
        return (
            chunk.startswith(b"data: ")
            and chunk.endswith(b"\n\n")
            and chunk.find(b"\n") == len(chunk) - 2
            and b"\r" not in chunk
            and not (self._tail or self._data)
        )

    def _line(self, line: bytes, events: list[str]) -> None:
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            if self._data:
                events.append(b"\n".join(self._data).decode("utf-8", "replace"))
            self._data = []
            self._size = 0
            return
        name, _, value = line.partition(b":")  # a comment has an empty name
        if name == b"data":
            self._data.append(value[1:] if value.startswith(b" ") else value)
            self._size += len(value) + 1
