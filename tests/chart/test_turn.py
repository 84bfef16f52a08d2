"""The pod of `helm test`, run with its rendered command against good and bad servers."""

from __future__ import annotations

import contextlib
import http
import json
import os
import subprocess
import sys
import threading

import pytest
from websockets.sync.server import serve

from support import helm

KEY = "sk-of-the-test"
COMPLETED = {"type": "response.completed", "response": {"id": "resp_1"}}
FAILED = {"type": "error", "status": 400, "error": {"code": "model_not_found"}}


@contextlib.contextmanager
def proxy(events=(COMPLETED,), refuse=None):
    """Run a server that answers each frame with events; yield its port and what it received."""
    seen = []

    def look(connection, request):
        seen.append((request.path, request.headers.get("Authorization")))
        return connection.respond(http.HTTPStatus(refuse), "no") if refuse else None

    def answer(connection):
        for message in connection:
            seen.append(json.loads(message))
            for event in events:
                connection.send(json.dumps(event))
            if not events:
                connection.close(1012)

    with serve(answer, "127.0.0.1", 0, process_request=look) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.socket.getsockname()[1], seen
        server.shutdown()


def run(tmp_path, port, *arguments, decision="patched", cwd=None, **more):
    """Run the test container as the kubelet would, with a guard's report; return code and output.

    The output must have no key and no traceback.
    """
    pod = helm.of_kind("Pod", "--values", helm.CHART / "ci/system-layout-values.yaml", *arguments)
    (container,) = pod["spec"]["containers"]
    environ = {item["name"]: item.get("value", KEY) for item in container["env"]}
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"decision": decision, "message": "Patched it."}))
    environ["REPORT"] = str(report)
    assert environ["URL"] == "ws://litellm:4000/v1/responses"
    environ["URL"] = environ["URL"].replace("litellm:4000", f"127.0.0.1:{port}")
    assert container["command"][0] == "python3"
    done = subprocess.run(
        [sys.executable, *container["command"][1:], *container["args"]],
        env={**environ, "PATH": os.environ["PATH"], **more},
        cwd=cwd or tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    text = done.stdout + done.stderr
    assert KEY not in text
    assert "Traceback" not in text
    return done.returncode, text


def test_a_turn(tmp_path):
    """It prints the decision and makes a turn: key in the header, model in the frame."""
    with proxy(({"type": "response.created"}, COMPLETED)) as (port, seen):
        code, output = run(tmp_path, port)
    assert code == 0, output
    assert output.startswith("guard: patched: Patched it.\nhandshake: 101")
    assert "turn: response.completed from gpt" in output
    handshake, frame = seen
    assert handshake == ("/v1/responses", f"Bearer {KEY}")
    assert (frame["type"], frame["model"]) == ("response.create", "gpt")


def test_without_a_model(tmp_path):
    """Without a model it only makes the handshake, and says so."""
    for given in ("config.model_list[0].model_name=openai/*", "existingConfigMap=mine"):
        with proxy() as (port, seen):
            code, output = run(tmp_path, port, "--set", given)
        assert code == 0, output
        assert "set test.model" in output
        assert len(seen) == 1


def test_http_fallback(tmp_path):
    """In mode http-fallback 426 passes, and 101 fails."""
    mode = ("--set", "patch.mode=http-fallback")
    with proxy(refuse=426) as (port, _):
        assert run(tmp_path, port, *mode)[0] == 0
    with proxy() as (port, _):
        code, output = run(tmp_path, port, *mode)
    assert code == 1
    assert "error: the handshake was accepted, expected 426" in output


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ({"refuse": 403}, "refused with 403, expected 101\nhint: the proxy runs an unpatched file"),
        ({"refuse": 401}, "hint: is masterKey the proxy's own?"),
        ({"refuse": 500}, "hint: the proxy's log says more"),
        ({"events": [FAILED]}, 'error: {"code": "model_not_found"}\nhint: does the model answer'),
        ({"events": []}, "error: the connection ended in mid-turn"),
        ({"events": [{"type": "response.created"}]}, "error: the turn did not end within 1 s"),
    ],
)
def test_a_proxy_that_does_not_answer(tmp_path, behaviour, sentence):
    """A proxy's refusal or failure gives exit code 1, an error and a hint."""
    with proxy(**behaviour) as (port, _):
        code, output = run(tmp_path, port, "--set", "test.timeoutSeconds=1")
    assert code == 1
    assert sentence in output


def test_nobody_there(tmp_path):
    """Without a server it fails with exit code 1 and a sentence."""
    with proxy() as (port, _):
        pass
    code, output = run(tmp_path, port)
    assert code == 1
    assert "was not reached" in output


def test_an_image_with_upstreams_fix(tmp_path):
    """With upstream's fix a turn must work even in mode http-fallback."""
    with proxy() as (port, _):
        arguments = ("--set", "patch.mode=http-fallback")
        code, output = run(tmp_path, port, *arguments, decision="upstream-fixed")
    assert code == 0, output
    assert "changes nothing in this image" in output


def test_an_image_whose_python3_is_not_litellms(tmp_path):
    """If python3 has no `websockets`, the Python of the `litellm` command makes the turn."""
    lacking = tmp_path / "lacking" / "websockets.py"
    lacking.parent.mkdir()
    lacking.write_text("raise ImportError\n")
    python = tmp_path / "python-of-litellm"
    python.write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec {sys.executable} "$@"\n')
    command = tmp_path / "litellm"
    command.write_text(f"#!{python}\n")
    for script in (python, command):
        script.chmod(0o755)
    payload = helm.CHART / "files" / "payload" / "2.0.0"
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    with proxy() as (port, seen):
        code, output = run(tmp_path, port, cwd=payload, PYTHONPATH=str(lacking.parent), **environ)
    assert code == 0, output
    assert len(seen) == 2
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    code, output = run(tmp_path, port, cwd=payload, PYTHONPATH=str(lacking.parent), **environ)
    assert code == 1
    assert "error: the image holds no Python package `websockets`" in output
