"""A TCP proxy that delays what a server sends, or stops passing data."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOREVER = 3600.0  # seconds, but not longer than the block runs


@contextlib.contextmanager
def detour(
    host: str, port: int, delay: Callable[[int], float], cut: threading.Event | None = None
) -> Iterator[int]:
    """Yield a port of 127.0.0.1 that leads to a server, until the block ends.

    Each chunk from the server on the n-th connection, counted from 0, is held for `delay(n)`
    seconds. Once `cut` is set nothing passes in either direction, but every connection stays open.
    """
    over = threading.Event()

    def copy(source: socket.socket, target: socket.socket, seconds: float) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                over.wait(seconds)
                if cut and cut.is_set():
                    over.wait()
                target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for number in itertools.count():
                near = server.accept()[0]
                far = socket.create_connection((host, port))
                for way in ((near, far, 0), (far, near, delay(number))):
                    threading.Thread(target=copy, args=way, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
