"""Reach a running pod through the API server: forward a port, run a command."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from kubernetes.stream.ws_client import (
    ERROR_CHANNEL,
    PortForward,
    WSClient,
    create_websocket,
    get_websocket_url,
)
from websocket import WebSocketBadStatusException, WebSocketException

from litellm_overlay.cluster.identity import for_websocket
from litellm_overlay.errors import ClusterError
from litellm_overlay.objects import kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from litellm_overlay.cluster.client import Cluster

T = TypeVar("T")

_CHUNK = 65536


@contextlib.contextmanager
def forward(cluster: Cluster, namespace: str, pod: str, port: int) -> Iterator[int]:
    """Yield a port on 127.0.0.1 that is forwarded to a pod's port until the block ends.

    Raises ClusterError if the API server refuses, or cannot reach the pod.
    """

    def connect() -> Any:
        request = _request(cluster, namespace, pod, "portforward", [("ports", str(port))])
        with _expected_errors(cluster, f"forward a port of {namespace}/{pod}"):
            return _within(
                cluster.timeout,
                lambda: _Forward(create_websocket(*request), [port]),  # type: ignore[no-untyped-call]
            )

    connect().close()  # raise a refusal here; `_serve` would only close the connection
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, connect, port), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


def read_file(cluster: Cluster, namespace: str, pod: str, container: str, path: str) -> bytes:
    """Return a file's content in a container, read with `cat`; ClusterError if that fails."""
    return execute(cluster, namespace, pod, container, ("cat", path))


def execute(
    cluster: Cluster, namespace: str, pod: str, container: str, command: Sequence[str]
) -> bytes:
    """Run a command in a container, and return its stdout.

    Raises ClusterError if it cannot start, or fails.
    """
    program, *words = command
    what = f"read {words[0]}" if program == "cat" else f"run {program}"
    query = [*(("command", word) for word in command), ("container", container), ("stdout", "true")]
    request = _request(cluster, namespace, pod, "exec", query)

    def run() -> bytes:
        client = WSClient(*request, capture_all=True, binary=True)
        client.run_forever()
        # read_all() would empty this channel. It is empty already if the connection broke.
        ended = json.loads(client.read_channel(ERROR_CHANNEL) or "{}")
        client.sock.shutdown()
        if ended.get("status") != "Success":
            raise WebSocketException(ended.get("message", "the connection broke off"))
        content: bytes = client.read_all()
        return content

    with _expected_errors(cluster, f"{what} in {namespace}/{pod}"):
        return _within(cluster.timeout, run)


class _Forward(PortForward):
    """The client's port forwarding, closed cleanly when the connection breaks.

    The client's own thread would print a traceback, and our side would wait forever.
    """

    def _proxy(self) -> None:
        with contextlib.suppress(Exception):
            super()._proxy()  # type: ignore[no-untyped-call]
        self.websocket.shutdown()
        for port in self.local_ports.values():
            port.python.close()


def _request(
    cluster: Cluster, namespace: str, pod: str, door: str, query: list[tuple[str, str]]
) -> tuple[Any, str, dict[str, str]]:
    """Return the configuration, URL and headers for a WebSocket of the `kubernetes` package.

    `door` is the pod's subresource. The package's own `stream` is not used: while it connects, it
    replaces a method of the shared client.
    """
    path = f"/{kinds.path('pods', namespace)}/{quote(pod, safe='', errors='replace')}/{door}"
    _, url, headers, *_ = cluster.client.param_serialize(
        "GET", path, query_params=query, auth_settings=["BearerToken"]
    )
    return cluster.client.configuration, get_websocket_url(url), for_websocket(headers)


def _serve(server: socket.socket, connect: Callable[[], Any], port: int) -> None:
    with contextlib.ExitStack() as stack:
        while True:
            try:
                local, _ = server.accept()
            except OSError:  # shut down
                return
            stack.callback(local.close)
            try:
                tunnel = connect()
            except ClusterError:
                local.close()
                continue
            stack.callback(tunnel.close)
            remote = tunnel.socket(port)
            remote.setblocking(True)
            for source, target in ((local, remote), (remote, local)):
                threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: Any, target: Any) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Run `call` in a thread and return its result; TimeoutError after `seconds`.

    The client has no timeout for a handshake.
    """
    future: futures.Future[T] = futures.Future()

    def work() -> None:
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - raised in the waiting thread
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result(seconds)


@contextlib.contextmanager
def _expected_errors(cluster: Cluster, what: str) -> Iterator[None]:
    try:
        yield
    except (TimeoutError, futures.TimeoutError) as error:  # two classes up to Python 3.10
        raise ClusterError(
            f"{cluster.server} did not {what} within {cluster.timeout:g} s",
            "is it busy, or does the pod's node not answer? --timeout allows more",
        ) from error
    except WebSocketBadStatusException as error:
        refused = error.status_code == 403
        raise ClusterError(
            f"not allowed to {what} (403)" if refused else f"{cluster.server} could not {what}",
            "litellm-overlay verify --rbac prints the rights that are needed"
            if refused
            else "does the pod run, and does its node answer?",
        ) from error
    except (WebSocketException, OSError) as error:
        raise ClusterError(f"{cluster.server} could not {what}", str(error)) from error
