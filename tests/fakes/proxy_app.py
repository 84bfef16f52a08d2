"""A stand-in for LiteLLM's application: its router, its auth's contract, a scripted POST.

It runs under the same server, uvicorn, so that events, close codes and disconnects are real.
"""

import asyncio
import contextlib
import json
import logging
import sys
import types

import uvicorn
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

KEY = {"Authorization": "Bearer sk-1234"}
SETTINGS = {
    "mode": "websocket",
    "maxMessageBytes": 16_000_000,
    "firstMessageTimeoutSeconds": 0,
    "sessionLifetimeSeconds": 3600,
    "drainFile": "",
}


def sse(event):
    return f"data: {json.dumps(event)}\n\n"


def completed(response_id="resp_1", **fields):
    return {"type": "response.completed", "response": {"id": response_id, "output": []}, **fields}


class ProxyApp:
    """`answer(body)` is an async generator of SSE texts, or a Response; `bodies` what was asked."""

    def __init__(self, attach, **settings):
        self.bodies = []
        self.requests = []
        self.events_sent = 0
        self.cancelled = asyncio.Event()
        self.good_keys = {"sk-1234": None, "sk-limited": ["gpt-4o"]}
        self.app = FastAPI()
        self.stock_calls = []
        router = APIRouter()
        router.add_api_route("/v1/responses", self._post, methods=["POST"])
        attach(
            router=router,
            stock_handler=lambda **arguments: self.stock(**arguments),  # noqa: PLW0108 - tests replace it
            authenticate=self._authenticate,
            logger=logging.getLogger("proxy_app"),
            settings={**SETTINGS, **settings},
            litellm_version=None,
        )
        self.app.include_router(router)

    async def answer(self, body):
        yield sse(completed())

    def _check(self, authorization, model):
        key = authorization.removeprefix("Bearer ").strip()
        if key not in self.good_keys:
            return 401, "auth_error"
        allowed = self.good_keys[key]
        if allowed is not None and model and model not in allowed:
            return 401, "key_model_access_denied"
        return None

    async def _authenticate(self, websocket: WebSocket):
        authorization = websocket.headers.get("authorization") or ""
        if not authorization.startswith("Bearer "):
            raise HTTPException(403)
        refused = self._check(authorization, websocket.query_params.get("model"))
        if refused:
            await websocket.close(1008)
            try:
                error = RuntimeError("refused by the key check")
                error.type, error.code = refused[1], str(refused[0])
                raise error
            except RuntimeError:
                raise HTTPException(403)  # noqa: B904 - LiteLLM wraps its reason just so
        return {"key": authorization}

    async def stock(self, websocket, model, user_api_key_dict):
        self.stock_calls.append((model, user_api_key_dict))
        await websocket.accept()
        while True:
            text = await websocket.receive_text()
            self.bodies.append(json.loads(text))
            async for part in self.answer(self.bodies[-1]):
                await websocket.send_text(part.removeprefix("data: ").strip())

    async def _post(self, request: Request):
        self.requests.append(request)
        body = await request.json()
        refused = self._check(request.headers.get("authorization", ""), body["model"])
        if refused:
            error = {"message": "no", "type": refused[1], "code": str(refused[0]), "param": None}
            return JSONResponse({"error": error}, refused[0])
        self.bodies.append(body)
        answer = self.answer(body)
        if not hasattr(answer, "__aiter__"):
            return await answer

        async def counted():
            try:
                async for text in answer:
                    self.events_sent += 1
                    yield text
            except asyncio.CancelledError:
                self.cancelled.set()
                raise

        return StreamingResponse(counted(), media_type="text/event-stream")


@contextlib.asynccontextmanager
async def serving(app, monkeypatch):
    """Serve `app` on a port the system chooses; yields the WebSocket URL's base."""
    fake = types.ModuleType("litellm.proxy.proxy_server")
    fake.general_settings = {}
    for name in ("litellm", "litellm.proxy"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["litellm.proxy"].proxy_server = fake
    monkeypatch.setitem(sys.modules, "litellm.proxy.proxy_server", fake)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    task = asyncio.ensure_future(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"ws://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await task


def _overlay_tasks():
    names = ("Bridge", "Relay")
    return [
        task for task in asyncio.all_tasks() if any(name in repr(task.get_coro()) for name in names)
    ]


def starter(attach, monkeypatch):
    """Return `start(**settings)`: an async context of (ProxyApp, connect function)."""

    @contextlib.asynccontextmanager
    async def start(**settings):
        app = ProxyApp(attach, **settings)
        async with serving(app.app, monkeypatch) as base:
            yield (
                app,
                lambda path="/v1/responses", headers=KEY, **options: connect(
                    base + path, additional_headers=headers, proxy=None, **options
                ),
            )
            # The clients have left: soon nothing of the overlay may still run. A bridge gives an
            # application two seconds of grace; the server, once stopped, would cut it short.
            if left := _overlay_tasks():
                await asyncio.wait(left, timeout=10)
            assert _overlay_tasks() == []

    return start
