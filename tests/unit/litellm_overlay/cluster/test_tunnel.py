"""WebSockets through an API server into a pod, and its failures."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import threading

import pytest
from websockets.sync.server import serve

from fakes.api_server import kubeconfig
from litellm_overlay.cluster import client, tunnel
from litellm_overlay.errors import ClusterError

POD = ("llm", "proxy-0")
SUCCESS = {"status": "Success"}
OUT, ERROR = b"\x01", b"\x03"
PORT = 4000
PORT_SAID = struct.pack("<H", PORT)


@pytest.fixture
def connected(tmp_path):
    """Return a function that connects to an API server with this WebSocket handler."""
    with contextlib.ExitStack() as stack:

        def connected(handle, timeout=5, **more):
            server = stack.enter_context(
                serve(handle, "127.0.0.1", 0, subprotocols=["v4.channel.k8s.io"], **more)
            )
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
            return client.connect(kubeconfig=kubeconfig(tmp_path / "config", url), timeout=timeout)

        yield connected


def saying(*messages):
    """Return a handler that sends messages and closes."""
    return lambda websocket: [websocket.send(message) for message in messages]


def breaking_off(websocket):
    """Reset the connection, as a server does that crashes."""
    websocket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    websocket.socket.shutdown(socket.SHUT_RD)  # wakes the reader that keeps it open
    websocket.socket.close()


def read(connection):
    return tunnel.read_file(connection, *POD, "litellm", "/module.py")


def test_a_file_comes_in_pieces(connected):
    """A file in several messages is read byte for byte, by `cat` in the container."""
    asked = []

    def handle(websocket):
        asked.append(websocket.request.path)
        saying(OUT + b"\xffone ", OUT + b"two\n", ERROR + json.dumps(SUCCESS).encode())(websocket)

    assert read(connected(handle)) == b"\xffone two\n"
    assert asked[0].startswith(
        "/api/v1/namespaces/llm/pods/proxy-0/exec?command=cat&command=/module.py&"
    )
    assert "container=litellm" in asked[0]


@pytest.mark.parametrize(
    "status",
    [
        {
            "status": "Failure",
            "message": "command terminated with exit code 1",
            "details": {"causes": [{"reason": "ExitCode", "message": "1"}]},
        },
        {"status": "Failure", "message": "container not found", "details": {"causes": []}},
        {"status": "Failure", "message": "container not found"},
    ],
)
def test_a_failure_is_told_in_the_servers_words(connected, status):
    """A failure is an error with the server's message, even after a part of the file."""
    connection = connected(saying(OUT + b"half", ERROR + json.dumps(status).encode()))
    with pytest.raises(ClusterError, match=r"could not read /module\.py in llm/proxy-0") as failure:
        read(connection)
    assert failure.value.hint == status["message"]


@pytest.mark.parametrize("handle", [saying(OUT + b"half"), breaking_off])
def test_a_pod_that_goes_while_its_file_is_read(connected, handle):
    """A pod that ends while its file is read gives an error, not a part of the file."""
    with pytest.raises(ClusterError, match=r"could not read /module\.py in llm/proxy-0"):
        read(connected(handle))


def test_a_pod_that_has_gone(connected):
    """A 404 at the handshake is an error about a missing pod."""
    connection = connected(saying(), process_request=lambda ws, _: ws.respond(404, "not found"))
    with pytest.raises(ClusterError, match="could not read") as failure:
        read(connection)
    assert "does the pod run" in failure.value.hint


def test_a_right_that_is_lacking(connected):
    """A 403 at the handshake names the missing right, of exec or port-forward."""
    connection = connected(saying(), process_request=lambda ws, _: ws.respond(403, "forbidden"))
    with pytest.raises(ClusterError, match=r"not allowed to read .* \(403\)") as failure:
        read(connection)
    assert "verify --rbac" in failure.value.hint
    with (
        pytest.raises(ClusterError, match=r"not allowed to forward a port of llm/proxy-0 \(403\)"),
        tunnel.forward(connection, *POD, PORT),
    ):
        pass


@pytest.fixture
def silent(connected):
    """Yield a connection to a server that never answers the handshake."""
    over = threading.Event()
    yield connected(saying(), timeout=0.2, process_request=lambda *_: over.wait(20) and None)
    over.set()


def test_slow(silent):
    """A handshake without an answer ends after the timeout."""
    with pytest.raises(ClusterError, match=r"did not read .* within 0\.2 s"):
        read(silent)
    with (
        pytest.raises(ClusterError, match=r"did not forward a port .* within 0\.2 s"),
        tunnel.forward(silent, *POD, PORT),
    ):
        pass


def test_ctrl_c_while_the_server_is_waited_for(silent):
    """Ctrl-C during the wait is a KeyboardInterrupt, not an error of the pod."""
    silent.timeout = 20
    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        read(silent)


def echo(websocket):
    """Forward a port as a kubelet does: send the port on each channel, then echo the data."""
    websocket.send(b"\x00" + PORT_SAID)
    websocket.send(b"\x01" + PORT_SAID)
    for message in websocket:
        websocket.send(message)


def test_a_port_leads_to_the_pods(connected):
    """Each connection to the local port is one through the API server."""
    with tunnel.forward(connected(echo), *POD, PORT) as port:
        for text in (b"one", b"two"):
            with socket.create_connection(("127.0.0.1", port), 5) as local:
                local.sendall(text)
                assert local.recv(10) == text


def test_a_pod_that_goes_while_it_is_spoken_to(connected, capfd):
    """If the pod ends, the connection ends at once, without a traceback of the client's thread."""

    def breaks(websocket):
        websocket.send(b"\x00" + PORT_SAID)
        websocket.send(b"\x01" + PORT_SAID)
        websocket.recv()
        breaking_off(websocket)

    with (
        tunnel.forward(connected(breaks), *POD, PORT) as port,
        socket.create_connection(("127.0.0.1", port), 5) as local,
    ):
        local.sendall(b"one")
        assert local.recv(10) == b""
    assert capfd.readouterr().err == ""
