"""Read parts of a file on a web server, by HTTP range: a wheel's table and one member of it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Bytes read first: a wheel's table, of some 4,000 members in LiteLLM's, is at its end.
TAIL = 1 << 20


class RemoteFile(io.RawIOBase):
    """A file on a web server as a seekable stream.

    `fetch` takes the value of a Range header; it returns status, body and Content-Range. Raises
    OSError if the server does not serve ranges.
    """

    def __init__(self, fetch: Callable[[str], tuple[int, bytes, str]]) -> None:
        super().__init__()
        self._fetch = fetch
        self._at = 0
        self._tail, span = self._get(f"bytes=-{TAIL}")
        size = re.fullmatch(r"bytes \d+-\d+/(\d+)", span)
        if not size:
            raise OSError(f"the index does not say how long the file is, but {span!r}")
        self._size = int(size[1])

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: it can be read at any offset."""
        return True

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset from the start, the current offset or the end; return the new one."""
        self._at = max(0, offset + {0: 0, 1: self._at, 2: self._size}[whence])
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file goes; return the number of bytes."""
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        start = self._at - (self._size - len(self._tail))
        if start >= 0:
            chunk = self._tail[start : start + wanted]
        else:
            chunk, _ = self._get(f"bytes={self._at}-{self._at + wanted - 1}")
            chunk = chunk[:wanted]
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def _get(self, span: str) -> tuple[bytes, str]:
        status, body, content_range = self._fetch(span)
        if status != 206:
            raise OSError(f"the index gives no part of a file (HTTP {status})")
        return body, content_range
