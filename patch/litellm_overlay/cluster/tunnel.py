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
    """Yield a port of 127.0.0.1 that leads to a pod's until the block ends.

    Raises ClusterError if the API server does not let us, or cannot reach the pod.
    """

    def connect() -> Any:
        request = _request(cluster, namespace, pod, "portforward", [("ports", str(port))])
        with _expected_errors(cluster, f"forward a port of {namespace}/{pod}"):
            return _within(
                cluster.timeout,
                lambda: _Forward(create_websocket(*request), [port]),  # type: ignore[no-untyped-call]
            )

    connect().close()  # so that a refusal raises an error here, instead of ending the connection
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, connect, port), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


def read_file(cluster: Cluster, namespace: str, pod: str, container: str, path: str) -> bytes:
    """Return a file as a container sees it, by `cat`. Raises ClusterError if there is none."""
    return execute(cluster, namespace, pod, container, ("cat", path))


def execute(
    cluster: Cluster, namespace: str, pod: str, container: str, command: Sequence[str]
) -> bytes:
    """Return what a command prints in a container.

    Raises ClusterError if it cannot be started, or fails.
    """
    program, *words = command
    what = f"read {words[0]}" if program == "cat" else f"run {program}"
    query = [*(("command", word) for word in command), ("container", container), ("stdout", "true")]
    request = _request(cluster, namespace, pod, "exec", query)

    def run() -> bytes:
        client = WSClient(*request, capture_all=True, binary=True)
        client.run_forever()
        # Before read_all(), which empties its channel; it is empty if the connection broke off.
        ended = json.loads(client.read_channel(ERROR_CHANNEL) or "{}")
        client.sock.shutdown()
        if ended.get("status") != "Success":
            raise WebSocketException(ended.get("message", "the connection broke off"))
        content: bytes = client.read_all()
        return content

    with _expected_errors(cluster, f"{what} in {namespace}/{pod}"):
        return _within(cluster.timeout, run)


class _Forward(PortForward):
    """The client's port forwarding, with a clean end when the connection breaks.

    The client's own thread would print a traceback, and our side would wait for ever.
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
    """Return configuration, URL and headers, as the client's WebSockets take them.

    Its own way there, `stream`, replaces a method of the shared client meanwhile.
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
    """Return what a call returns, made in a thread of its own: TimeoutError if it takes longer.

    The client has no timeout for a handshake.
    """
    future: futures.Future[T] = futures.Future()

    def work() -> None:
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - for the one who waits
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result(seconds)


@contextlib.contextmanager
def _expected_errors(cluster: Cluster, what: str) -> Iterator[None]:
    try:
        yield
    except (TimeoutError, futures.TimeoutError) as error:  # two until Python 3.10
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
