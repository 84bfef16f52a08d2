"""A stand-in for LiteLLM's application: its router, its key check, and a scripted POST.

It runs on uvicorn, as LiteLLM does, so events, close codes and disconnects are real.
"""

import asyncio
import contextlib
import json
import logging
import sys
import types

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

KEY = {"Authorization": "Bearer sk-1234"}
SETTINGS = {
    "mode": "websocket",
    "maxMessageBytes": 16_000_000,
    "firstMessageTimeoutSeconds": 0,
    "sessionLifetimeSeconds": 3600,
    "historyBytes": 268_435_456,
    "heartbeatSeconds": 0,
    "heartbeatMaxSeconds": 900,
    "drainFile": "",
    "offFile": "",
}


def sse(event):
    return f"data: {json.dumps(event)}\n\n"


def completed(response_id="resp_1", **fields):
    return {"type": "response.completed", "response": {"id": response_id, "output": []}, **fields}


class KeyRefused(Exception):  # noqa: N818 - not an error of the tests
    """A refusal of the key check, with the fields of LiteLLM's exception that the patch reads."""

    def __init__(self, status, kind, message):
        super().__init__(message)
        self.type, self.code, self.message, self.param = kind, str(status), message, None


async def user_api_key_auth(request: Request):
    """Replace LiteLLM's key check over HTTP, in the module that has the WebSocket's check."""
    return await request.app.state.proxy.check(request)


def _bearer(headers):
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme == "Bearer" else ""


async def _told(_: Request, refused: KeyRefused):
    error = {"message": refused.message, "type": refused.type, "code": refused.code, "param": None}
    return JSONResponse({"error": error}, int(refused.code))


class ProxyApp:
    """An application with the overlay.

    A test sets `answer(body)` to an async generator of SSE texts or a coroutine that returns a
    Response. `bodies` keeps the posted bodies.
    """

    def __init__(self, attach, **settings):
        self.bodies = []
        self.requests = []
        self.events_sent = 0
        self.cancelled = asyncio.Event()
        self.check_fails = False  # without a model, as at a handshake
        self.good_keys = {"sk-1234": None, "sk-limited": ["gpt-4o"]}
        self.refusals = {}  # the check's exception, by known key
        self.checks = []  # the checked requests
        self.app = FastAPI(exception_handlers={KeyRefused: _told})
        self.app.state.proxy = self
        self.stock_calls = []
        router = APIRouter()
        guarded = [Depends(user_api_key_auth)]
        for path in ("/v1/responses", "/responses", "/openai/v1/responses"):
            router.add_api_route(path, self._post, methods=["POST"], dependencies=guarded)
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

    def _refusal(self, key, model):
        if key in self.refusals:
            return self.refusals[key]
        if key not in self.good_keys:
            return KeyRefused(401, "auth_error", "Authentication Error, No api key passed in.")
        allowed = self.good_keys[key]
        if allowed is not None and model and model not in allowed:
            return KeyRefused(401, "key_model_access_denied", "no")
        return None

    async def check(self, request):
        """Check a key by a short version of LiteLLM's rules over HTTP."""
        self.checks.append(request)
        key, model = _bearer(request.headers), (await request.json())["model"]
        if self.check_fails and not model:
            raise ConnectionError
        if refusal := self._refusal(key, model):
            raise refusal
        return types.SimpleNamespace(api_key=key)

    async def _authenticate(self, websocket: WebSocket):
        """Check a key as LiteLLM does for WebSockets; only 1.0.0 calls this."""
        if refusal := self._refusal(
            _bearer(websocket.headers), websocket.query_params.get("model")
        ):
            await websocket.close(1008)
            try:
                raise refusal
            except KeyRefused:
                raise HTTPException(403)  # noqa: B904 - LiteLLM wraps its reason just so
        return {"key": websocket.headers["authorization"]}

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
    """Serve `app` on a free port; yields the base of its WebSocket URLs."""
    fake = types.ModuleType("litellm.proxy.proxy_server")
    vars(fake).update(general_settings={}, master_key="sk-1234")
    for name in ("litellm", "litellm.proxy"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    vars(sys.modules["litellm.proxy"])["proxy_server"] = fake
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
    """Return the running tasks whose coroutine is the overlay's."""
    code = [(task, getattr(task.get_coro(), "cr_code", None)) for task in asyncio.all_tasks()]
    return [task for task, its in code if its and "inserted" in its.co_filename]


def starter(attach, monkeypatch):
    """Return `start(**settings)`, a context manager that yields (ProxyApp, connect function)."""

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
            # The clients have left, so every task of the overlay must end soon. A bridge gives the
            # application two seconds of grace, which a stopped server would cut short.
            if left := _overlay_tasks():
                await asyncio.wait(left, timeout=10)
            assert _overlay_tasks() == []

    return start
