"""What `helm test` runs, in the stock image: one WebSocket turn without ?model= in the URL.

Environment: URL; MODEL, "" for the handshake alone; MODE, the overlay's; TIMEOUT_SECONDS, for
handshake and turn, each; LITELLM_MASTER_KEY; REPORT, the path of the guard's report on this image.
Exit code: 0 if the proxy answers as the chart promises, else 1.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

try:
    from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
    from websockets.sync.client import connect
except ImportError:
    # The image's python3 is not LiteLLM's. endpoint_patch, in the working directory, finds that.
    from endpoint_patch.locate import interpreter_of

    interpreter = interpreter_of(Path(shutil.which("litellm") or "litellm").resolve())
    if os.environ.get("ASKED") == interpreter[0]:
        sys.exit("error: the image holds no Python package `websockets`")
    os.environ["ASKED"] = interpreter[0]
    os.execv(interpreter[0], [*interpreter, *sys.orig_argv[1:]])  # noqa: S606

TERMINAL = ("response.completed", "response.failed", "response.incomplete", "error")
SECONDS = float(os.environ["TIMEOUT_SECONDS"])
EXPECTED = {"websocket": 101, "http-fallback": 426}[os.environ["MODE"]]


def main() -> str | None:
    """Return what went wrong, for sys.exit, or None."""
    report = json.loads(Path(os.environ["REPORT"]).read_text("utf-8"))
    print(f"guard: {report['decision']}: {report['message']}")
    if report["decision"] == "patched":
        expected = EXPECTED
    else:
        expected = 101
        print("guard: the overlay changes nothing in this image")
    url, key = os.environ["URL"], os.environ["LITELLM_MASTER_KEY"]
    try:
        with connect(
            url,
            additional_headers={"Authorization": f"Bearer {key}"},
            open_timeout=SECONDS,
            max_size=None,
        ) as socket:
            print(f"handshake: 101 from {url}")
            if expected != 101:
                return f"error: the handshake was accepted, expected {expected}"
            return turn(socket, os.environ["MODEL"])
    except InvalidStatus as refusal:
        status = refusal.response.status_code
        print(f"handshake: {status} from {url}")
        return None if status == expected else explain(status, expected)
    except (OSError, WebSocketException) as error:
        return f"error: {url} was not reached: {type(error).__name__}\nhint: is a pod ready?"


def turn(socket: Any, model: str) -> str | None:
    """Make one turn; the model stands in the frame."""
    if not model:
        print("turn: none made; set test.model to the name of a model")
        return None
    content = [{"type": "input_text", "text": "Say hello in one word."}]
    message = {"type": "message", "role": "user", "content": content}
    frame = {"type": "response.create", "model": model, "input": [message], "store": False}
    began = time.monotonic()
    socket.send(json.dumps({**frame, "stream": True}))
    event: dict[str, Any] = {}
    try:
        while event.get("type") not in TERMINAL:
            event = json.loads(socket.recv(max(SECONDS - (time.monotonic() - began), 0)))
    except TimeoutError:
        return f"error: the turn did not end within {SECONDS:g} s"
    except ConnectionClosed as closed:
        return f"error: the connection ended in mid-turn: {closed}"
    print(f"turn: {event['type']} from {model} after {time.monotonic() - began:.1f} s")
    if event["type"] == "response.completed":
        return None
    problem = event.get("error") or (event.get("response") or {}).get("error")
    return f"error: {json.dumps(problem)}\nhint: does the model answer over HTTP?"


def explain(status: int, expected: int) -> str:
    """Return the error for a refused handshake."""
    why = {
        401: "is masterKey the proxy's own?",
        403: "the proxy runs an unpatched file: kubectl describe pod shows the guard's decision",
    }
    hint = why.get(status, "the proxy's log says more")
    return f"error: the handshake was refused with {status}, expected {expected}\nhint: {hint}"


if __name__ == "__main__":
    sys.exit(main())
