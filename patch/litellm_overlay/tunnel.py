"""Into a running pod, through the API server: a port, and the bytes of a file. Changes nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream

from litellm_overlay.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from litellm_overlay.cluster import Cluster

_CHUNK = 65536


@contextlib.contextmanager
def forward(cluster: Cluster, namespace: str, pod: str, port: int) -> Iterator[int]:
    """Yield a port of 127.0.0.1 that leads to a pod's until the block ends.

    Raises ClusterError if the API server does not let us, or cannot reach the pod.
    """

    def connect() -> Any:
        method = CoreV1Api(cluster.client).connect_get_namespaced_pod_portforward
        with _expected_errors(cluster, f"forward a port of {namespace}/{pod}"):
            return portforward(method, pod, namespace, ports=str(port))

    connect().close()  # so that a refusal is an error of ours, not a connection that ends
    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=_serve, args=(server, connect, port), daemon=True)
        serving.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            serving.join()


def read_file(cluster: Cluster, namespace: str, pod: str, container: str, path: str) -> bytes:
    """Return a file as a container sees it, by `cat`. Raises ClusterError if there is none."""
    what = f"read {path} in {namespace}/{pod}"
    with _expected_errors(cluster, what):
        client = stream(
            CoreV1Api(cluster.client).connect_get_namespaced_pod_exec,
            pod,
            namespace,
            container=container,
            command=["cat", path],
            stdout=True,
            stderr=False,
            stdin=False,
            tty=False,
            binary=True,
            _preload_content=False,
        )
        client.run_forever(timeout=cluster.timeout)
        ended = client.returncode  # before read_all(), which empties its channel
        content: bytes = client.read_all()
    if ended:
        raise ClusterError(f"could not {what}: cat ended with {ended}", "is the path right?")
    return content


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


@contextlib.contextmanager
def _expected_errors(cluster: Cluster, what: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        refused = "403" in str(error.reason)
        raise ClusterError(
            f"not allowed to {what} (403)" if refused else f"{cluster.server} could not {what}",
            "litellm-overlay verify --rbac prints the rights that are needed"
            if refused
            else "does the pod run, and does its node answer?",
        ) from error
    except OSError as error:
        raise ClusterError(f"{cluster.server} could not {what}", str(error)) from error
