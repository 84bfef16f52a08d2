"""A server of the Responses protocol that behaves well or badly, as a test requires."""

from __future__ import annotations

import contextlib
import json

from websockets.asyncio.server import serve


def completed(text="pong", response_id="resp_1"):
    """Return the events of a completed response."""
    response = {"id": response_id, "usage": {"input_tokens": 3, "output_tokens": 1}}
    return [
        {"type": "response.created", "response": {"id": response_id}},
        {"type": "response.output_text.delta", "delta": text},
        {"type": "response.completed", "response": response},
    ]


def error(status, message="no"):
    """Return an error event, without `status` if it is None."""
    body = {"type": "invalid_request_error", "code": None, "message": message, "param": None}
    return {"type": "error", **({} if status is None else {"status": status}), "error": body}


def well_behaved(frame):
    """Return the events with which OpenAI answers; a warm-up gets an id and no text."""
    request = frame.get("response", frame)
    if request["model"] == "litellm-overlay-no-such-model":
        return [error(400)]
    if request.get("generate") is False:
        return [{"type": "response.completed", "response": {"id": "resp_warm"}}]
    return completed()


class ResponsesServer:
    """A WebSocket server that takes the steps of `answer(frame)` for each frame.

    A dict is sent as an event; text and bytes are sent as they are; a number is a close code;
    "drop" cuts the connection. `greeting` has the steps to take before the first frame.
    `refuse(request)` returns the HTTP status of a refused handshake, or None.
    """

    def __init__(
        self, answer=well_behaved, refuse=lambda request: None, location=None, greeting=()
    ):
        self.answer = answer
        self.greeting = greeting
        self.refuse = refuse
        self.location = location
        self.frames = []
        self.requests = []
        self.url = ""

    def check(self, connection, request):
        self.requests.append(request)
        status = self.refuse(request)
        if status is None:
            return None
        response = connection.respond(status, "")
        if self.location:
            response.headers["Location"] = self.location
        return response

    async def talk(self, socket):
        await self.take(socket, self.greeting)
        async for message in socket:
            frame = json.loads(message)
            self.frames.append(frame)
            await self.take(socket, self.answer(frame))

    async def take(self, socket, steps):
        for step in steps:
            if step == "drop":
                socket.transport.abort()
            elif isinstance(step, int):
                await socket.close(step)
            else:
                await socket.send(json.dumps(step) if isinstance(step, dict) else step)

    @contextlib.asynccontextmanager
    async def running(self, ssl=None):
        """Serve on a free port until the block ends; sets `url` and yields the server."""
        async with serve(
            self.talk,
            "127.0.0.1",
            0,
            process_request=self.check,
            select_subprotocol=lambda _, offered: offered[0] if offered else None,
            ssl=ssl,
        ) as server:
            port = server.sockets[0].getsockname()[1]
            self.url = f"http{'s' if ssl else ''}://127.0.0.1:{port}"
            yield self
