"""What `codex doctor` reports about a handshake, as in docs/other-tools.md, without LiteLLM.

The server answers every handshake with one status, and records whether it came with a key.
"""

from __future__ import annotations

import contextlib
import http
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from litellm_overlay.local import codex_cli
from pins import PINS

FAILED = "Responses WebSocket failed; HTTPS fallback may still work"
PAGE = (Path(__file__).parents[2] / "docs" / "other-tools.md").read_text()
PROVIDER = """\
model_provider = "mine"
[model_providers.mine]
name = "mine"
base_url = "URL"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""


def stay(socket):
    """Keep a connection open until the client closes it."""
    with contextlib.suppress(ConnectionClosed):
        list(socket)


@pytest.fixture
def ask(tmp_path):
    """Return a function that runs `codex doctor` against a server with a given status.

    It returns status, summary and details of the report, and the Authorization of each handshake.
    """

    def ask(status, config, *, login=False):
        keys = []

        def answer(connection, request):
            if request.headers.get("Upgrade"):
                keys.append(request.headers.get("Authorization"))
                if status == 101:
                    return None
            return connection.respond(http.HTTPStatus(status if status != 101 else 401), "")

        with serve(stay, "127.0.0.1", 0, process_request=answer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
            (tmp_path / "config.toml").write_text(config.replace("URL", url))
            environ = {**os.environ, "CODEX_HOME": str(tmp_path), "OPENAI_API_KEY": "sk-mine"}

            def codex(*arguments, stdin=""):
                done = subprocess.run(
                    [codex_cli.install(PINS["codex"][-1]), *arguments],
                    input=stdin,
                    capture_output=True,
                    text=True,
                    check=False,
                    env=environ,
                )
                return done.stdout

            if login:
                codex("login", "--with-api-key", stdin="sk-mine\n")
            checks = json.loads(codex("doctor", "--json"))["checks"]
            server.shutdown()
        result = checks["network.websocket_reachability"]
        return result["status"], result["summary"], result["details"], keys

    return ask


BUILT_IN = 'openai_base_url = "URL"\n'


@pytest.mark.parametrize(
    ("status", "login", "told"),
    [
        (101, True, ("ok", "Responses WebSocket handshake succeeded")),
        (403, True, ("warning", FAILED)),
        (426, True, ("warning", FAILED)),
        (403, False, ("warning", FAILED)),
    ],
)
def test_the_built_in_provider(ask, status, login, told):
    """The built-in provider uses a login's key; without one a 403 says nothing about the patch."""
    *text, details, keys = ask(status, BUILT_IN, login=login)
    assert tuple(text) == told
    assert details["auth mode"] == ("api_key" if login else "none")
    assert set(keys) == {"Bearer sk-mine" if login else None}
    if status != 101:
        phrase = f"http {status} {http.HTTPStatus(status).phrase}"
        assert details["handshake transport error"].startswith(phrase)
        assert phrase in PAGE
    assert told[1] in PAGE


@pytest.mark.parametrize("websockets", [True, False])
def test_a_provider_of_ones_own(ask, websockets):
    """A custom provider uses `env_key`; without `supports_websockets` there is no handshake."""
    config = PROVIDER + "supports_websockets = true\n" * websockets
    status, summary, _, keys = ask(101, config)
    assert status == "ok"
    assert set(keys) == ({"Bearer sk-mine"} if websockets else set())
    assert summary in PAGE
