"""A mock OpenAI: `/v1/responses` over HTTP and WebSocket, `/v1/chat/completions`, `/v1/models`.

The Python of a LiteLLM environment runs it, on a laptop or in a pod: that has uvicorn and
Starlette. It imports nothing of this project.

    python mock_provider.py --port 0 --port-file port --log log.jsonl

Words in the last user message control the answer. Those that fit together can be combined:

    TRIGGER400 401 403 429 500   an error: HTTP status, or an `error` event over WebSocket
    TRIGGERSTATUS:NNN            an error with any status
    TRIGGERONCE:NNN:TAG          the same, but only the first time that this TAG is seen
    TRIGGERLIMIT                 429 for the limit of a plan, with the time of its reset
    TRIGGERINSTREAM:CODE:TAG     an `error` event with this code inside the stream, the first time
    TRIGGERREASON                a reasoning item with `encrypted_content` comes first
    TRIGGERVLLM                  that item is as vLLM's: not encrypted, and taken back with its id
    TRIGGERTOOL TRIGGERCUSTOM    a shell function_call; an apply_patch custom_tool_call
    TRIGGERBIG TRIGGERFLOOD      one delta of 2 MiB; 64 MiB in deltas of 32 KiB
    TRIGGERPACED:N               N deltas, 100 ms apart
    TRIGGERSLOW                  8 s of silence before the first output item
    TRIGGERSILENT:N              N s of silence there
    TRIGGERFAILED                ends in response.failed
    TRIGGERINCOMPLETE            ends in response.incomplete
    TRIGGERDROP                  the connection is cut after two deltas
    TRIGGEREARLYEND              the stream ends properly after two deltas, with no terminal event

Like OpenAI it refuses unknown models, empty input, tool outputs without a call, calls without an
output, items that were never stored, and unknown previous responses.

The log has one JSON object per line: `t` (epoch seconds), `kind`, `conn` (the running number of the
HTTP request or WebSocket connection), and by kind:

    request    method, path, headers, body        handshake    path, headers
    frame      bytes, body                        refused      status, code, message
    turn_end   response_id, ending, events        client_gone  the same; `events` were sent
    closed     frames

Values of headers that may carry a key are cut to eight characters.

More than 300 lines, since it must be one file: LiteLLM's own Python runs it, where nothing of ours
can be imported.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.types import Receive, Scope, Send

Json = dict[str, Any]
Step = tuple[float, Json]  # seconds to wait, then the event to send
Deliver = Callable[[Json], Awaitable[None]]

MODELS = ("gpt-5.4", "gpt-4o")
USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 18,
}
CHAT_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
DELTAS = ("Hello", " from", " the", " mock", " model", ".")
# The names of the shell tool in versions of Codex, with arguments for each.
SHELL_TOOLS: dict[str, Json] = {
    "exec_command": {"cmd": "echo tool-ran"},
    "shell_command": {"command": "echo tool-ran"},
    "shell": {"command": ["echo", "tool-ran"]},
}
PATCH_INPUT = "*** Begin Patch\n*** Add File: hello.txt\n+hello\n*** End Patch"
SEALED = "mock-sealed-"
ERRORS = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "model_access_denied"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    500: ("server_error", "server_error"),
}


class RefusedError(Exception):
    """The request gets an error instead of a response."""

    def __init__(self, status: int, code: str | None, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        kind = ERRORS.get(status, ERRORS[400 if status < 500 else 500])[0]
        self.error = {"type": kind, "code": code, "message": message, "param": None}
        self.error.update(details)


def refused(status: int) -> RefusedError:
    """Return the error for a status that the user message asks for."""
    code = ERRORS[status][1] if status in ERRORS else None
    return RefusedError(status, code, f"The mock provider was asked for a {status}")


class CutShortError(Exception):
    """The stream ends here with no terminal event: "dropped" or "ended_early"."""


class Known(NamedTuple):
    """The ids known in a chain of responses: tool calls, answered tool calls, stored items."""

    calls: frozenset[str] = frozenset()
    answered: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()

    def after(self, output: list[Json]) -> Known:
        """Return the ids known once a response with this output is part of the chain."""
        calls = self.calls.union(item["call_id"] for item in output if "call_id" in item)
        return Known(calls, self.answered, self.items.union(item["id"] for item in output))


# --- what to answer: no input or output in this part ---------------------------------------------


def input_items(body: Json) -> list[Json]:
    """Return the input as a list of items; a bare string is one user message."""
    value = body.get("input") or []
    if isinstance(value, str):
        value = [{"type": "message", "role": "user", "content": value}]
    return [item for item in value if isinstance(item, dict)]


def last_user_text(body: Json) -> tuple[str, bool]:
    """Return the text of the last user message, and whether a tool has answered since."""
    text, answered = "", False
    for item in input_items(body):
        content = item.get("content")
        if item.get("role") == "user" and content:
            parts = content if isinstance(content, list) else [{"text": content}]
            text, answered = " ".join(str(part.get("text", "")) for part in parts), False
        elif str(item.get("type", "")).endswith("_output"):
            answered = True
    return text, answered


def refuse_as_asked(text: str) -> None:
    """Raise RefusedError if the text asks for an error."""
    if "TRIGGERLIMIT" in text:
        limit = {"type": "usage_limit_reached", "plan_type": "pro", "resets_in_seconds": 3600}
        resets_at = int(time.time()) + 3600
        raise RefusedError(429, None, "The limit was reached", **limit, resets_at=resets_at)
    if asked := re.search(r"TRIGGERSTATUS:(\d{3})", text):
        raise refused(int(asked[1]))
    for status in ERRORS:
        if f"TRIGGER{status}" in text:
            raise refused(status)


def check(body: Json, known: Known) -> Known:
    """Return the ids known after a request. Raise RefusedError as OpenAI would, or as asked."""
    if body.get("model") not in MODELS:
        message = f"The requested model '{body.get('model')}' does not exist."
        raise RefusedError(400, "model_not_found", message)
    refuse_as_asked(last_user_text(body)[0])
    if not body.get("input") and not body.get("previous_response_id") and body.get("generate", 1):
        message = "One of 'input' or 'previous_response_id' must be provided."
        raise RefusedError(400, "missing_required_parameter", message)
    calls, answered = set(known.calls), set(known.answered)
    for item in input_items(body):
        if not ("TRIGGERVLLM" in last_user_text(body)[0] and is_raw(item)):
            check_item(item, calls, known.items)
        if item.get("call_id"):
            kept = answered if item["type"].endswith("_output") else calls
            kept.add(item["call_id"])
    for call in sorted(calls - answered):
        raise RefusedError(400, None, f"No tool output found for function call {call}.")
    return Known(frozenset(calls), frozenset(answered), known.items)


def is_raw(item: Json) -> bool:
    """Tell whether an item is reasoning as vLLM takes it back: not encrypted, with its id."""
    sealed = item.get("encrypted_content")
    return item.get("type") == "reasoning" and "id" in item and not sealed


def check_item(item: Json, calls: set[str], stored: frozenset[str]) -> None:
    """Raise RefusedError if an item answers no call, cannot be decrypted, or was not stored."""
    kind, call, sealed = str(item.get("type")), item.get("call_id"), item.get("encrypted_content")
    if call and kind.endswith("_output") and call not in calls:
        words = kind.removesuffix("_output").replace("_", " ")
        raise RefusedError(400, None, f"No tool call found for {words} output with call_id {call}.")
    if sealed and not sealed.startswith(SEALED):
        message = "The encrypted content could not be verified."
        raise RefusedError(400, "invalid_encrypted_content", message)
    by_id = kind == "item_reference" or (kind == "reasoning" and not sealed)
    if by_id and item.get("id") not in stored:
        message = f"Item with id '{item.get('id')}' not found. Items are not persisted when "
        raise RefusedError(400, None, message + "`store` is set to false.")


def output_items(body: Json, tag: str) -> list[Json]:
    """Return the output items that the text asks for; `tag` makes their ids unique."""
    text, answered = last_user_text(body)
    head: list[Json] = []
    calls: list[Json] = []
    if "TRIGGERREASON" in text and not answered:
        summary = [{"type": "summary_text", "text": "thinking"}]
        item = {"id": f"rs_{tag}", "type": "reasoning", "summary": summary}
        sealed = {} if "TRIGGERVLLM" in text else {"encrypted_content": SEALED + tag}
        head.append({**item, **sealed})
    if "TRIGGERTOOL" in text and not answered:
        offered = {tool.get("name") for tool in body.get("tools") or []}
        name = next((name for name in SHELL_TOOLS if name in offered), "shell")
        call = {"call_id": f"call_f{tag}", "name": name, "arguments": json.dumps(SHELL_TOOLS[name])}
        calls.append({"id": f"fc_{tag}", "type": "function_call", **call})
    if "TRIGGERCUSTOM" in text and not answered:
        call = {"call_id": f"call_c{tag}", "name": "apply_patch", "input": PATCH_INPUT}
        calls.append({"id": f"ctc_{tag}", "type": "custom_tool_call", **call})
    message = {"id": f"msg_{tag}", "type": "message", "role": "assistant", "content": []}
    return head + [{**item, "status": "completed"} for item in calls or [message]]


def timed_deltas(text: str, delta_s: float) -> Iterable[tuple[float, str]]:
    """Return (pause in seconds, text) for each delta of a message."""
    paced = re.search(r"TRIGGERPACED:(\d+)", text)
    if paced:
        return ((0.1, f"{n} ") for n in range(int(paced[1])))
    if "TRIGGERBIG" in text:
        return [(delta_s, "x" * (2 << 20))]
    if "TRIGGERFLOOD" in text:
        # Random, since a WebSocket would compress anything else to a few packets.
        return ((0.0, base64.b64encode(os.urandom(24 << 10)).decode()) for _ in range(2048))
    return ((delta_s, delta) for delta in DELTAS)


def message_steps(item: Json, at: Json, text: str, delta_s: float) -> Iterator[Step]:
    """Yield the events inside a message, and fill in its content."""
    at = {**at, "content_index": 0}
    part: Json = {"type": "output_text", "text": "", "annotations": []}
    yield 0, {"type": "response.content_part.added", **at, "part": dict(part)}
    deltas: list[str] = []
    for pause, delta in timed_deltas(text, delta_s):
        if len(deltas) == 2 and ("TRIGGERDROP" in text or "TRIGGEREARLYEND" in text):
            raise CutShortError("dropped" if "TRIGGERDROP" in text else "ended_early")
        deltas.append(delta)
        yield pause, {"type": "response.output_text.delta", **at, "delta": delta, "logprobs": []}
    # The deltas are the flood; the final events need not repeat its 64 MiB four times.
    part["text"] = "(flood)" if "TRIGGERFLOOD" in text else "".join(deltas)
    item["content"] = [part]
    yield 0, {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield 0, {"type": "response.content_part.done", **at, "part": part}


def call_steps(item: Json, at: Json) -> Iterator[Step]:
    """Yield the events inside a tool call."""
    name = "arguments" if item["type"] == "function_call" else "input"
    stem = f"response.{item['type']}_{name}"
    yield 0, {"type": f"{stem}.delta", **at, "delta": item[name]}
    yield 0, {"type": f"{stem}.done", **at, name: item[name]}


def response_steps(body: Json, response: Json, first_s: float, delta_s: float) -> Iterator[Step]:
    """Yield every event of one response in order; `response` ends up as the final object."""
    text = last_user_text(body)[0]
    yield 0, {"type": "response.created", "response": dict(response)}
    silent = re.search(r"TRIGGERSILENT:(\d+)", text)
    ending, pause = "completed", 8 if "TRIGGERSLOW" in text else first_s
    pause = int(silent[1]) if silent else pause
    if body.get("generate") is False:
        response["usage"] = {**USAGE, "output_tokens": 0, "total_tokens": 11}
        pause = 0
    elif "TRIGGERFAILED" in text:
        ending = "failed"
        response["error"] = {"code": "server_error", "message": "The mock model failed"}
    else:
        yield 0, {"type": "response.in_progress", "response": dict(response)}
        items = output_items(body, response["id"][5:])
        for index, item in enumerate(items):
            where: Json = {"output_index": index}
            empty: Json = {key: "" for key in ("arguments", "input") if key in item}
            begun = {**item, **empty, "status": "in_progress"}
            yield pause, {"type": "response.output_item.added", **where, "item": begun}
            at = {**where, "item_id": item["id"]}
            if item["type"] == "message":
                yield from message_steps(item, at, text, delta_s)
            elif "call_id" in item:
                yield from call_steps(item, at)
            yield 0, {"type": "response.output_item.done", **where, "item": item}
            pause = 0
        response.update(output=items, usage=USAGE)
        if "TRIGGERINCOMPLETE" in text:
            ending = "incomplete"
            response["incomplete_details"] = {"reason": "max_output_tokens"}
    response["status"] = ending
    yield pause, {"type": f"response.{ending}", "response": response}


def failing_steps(steps: Iterator[Step], code: str) -> Iterator[Step]:
    """Yield the first events of a response, then an `error` event, and end the stream."""
    yield from itertools.islice(steps, 4)
    yield 0, {"type": "error", "code": code, "message": f"asked for {code}", "param": None}
    raise CutShortError("ended_early")


def new_response(body: Json) -> Json:
    """Return the response object with which a turn begins."""
    nothing = dict.fromkeys(("error", "incomplete_details", "instructions", "usage"))
    echoed = {"model": body["model"], "previous_response_id": body.get("previous_response_id")}
    echoed["store"] = body.get("store", True)
    fixed = {"parallel_tool_calls": True, "tool_choice": "auto", "temperature": 1.0, "top_p": 1.0}
    empty: Json = {"output": [], "tools": [], "metadata": {}}
    head = {"id": "resp_" + uuid.uuid4().hex, "object": "response", "created_at": int(time.time())}
    return {**head, "status": "in_progress", **echoed, **nothing, **fixed, **empty}


def as_chat(event: Json, kind: str, response: Json) -> Json | None:
    """Return the chat completion or chunk equivalent to an event, None if there is none."""
    head = {
        "id": f"chatcmpl-{response['id'][5:]}",
        "object": kind,
        "created": 1,
        "model": MODELS[0],
    }
    choice: Json = {"index": 0, "finish_reason": None}
    if event["type"] == "response.output_text.delta":
        choice["delta"] = {"role": "assistant", "content": event["delta"]}
        return {**head, "choices": [choice]}
    if event["type"] != "response.completed":
        return None
    output = event["response"]["output"]
    text = "".join(part["text"] for item in output for part in item.get("content", []))
    choice.update(finish_reason="stop", delta={}, message={"role": "assistant", "content": text})
    return {**head, "choices": [choice], "usage": CHAT_USAGE}


# --- the transport -------------------------------------------------------------------------------


class Provider:
    """The ASGI application."""

    def __init__(self, log: Path, first_s: float, delta_s: float, websocket: bool) -> None:
        self.log_file = log.open("a", encoding="utf-8", buffering=1)
        self.pace = (first_s, delta_s)
        self.websocket = websocket
        self.stored: dict[str, Known] = {}
        self.refused_once: set[str] = set()
        self.counter = itertools.count(1)

    def log(self, kind: str, conn: int, **fields: Any) -> None:
        """Append one record to the log."""
        record = {"t": round(time.time(), 4), "kind": kind, "conn": conn, **fields}
        self.log_file.write(json.dumps(record) + "\n")

    def refuse(self, refusal: RefusedError, conn: int) -> Json:
        """Log a refusal; return the error object for the client."""
        error = refusal.error
        error_fields = {"code": error["code"], "message": error["message"]}
        self.log("refused", conn, status=refusal.status, **error_fields)
        return {"error": error}

    def known_to(self, body: Json, local: dict[str, Known]) -> Known:
        """Return the ids known in a request's chain; RefusedError if the request is refused.

        `local` holds the ids known after each response on this connection.
        """
        asked = re.search(r"TRIGGERONCE:(\d{3}):\w+", last_user_text(body)[0])
        if asked and asked[0] not in self.refused_once:
            self.refused_once.add(asked[0])
            raise refused(int(asked[1]))
        previous = body.get("previous_response_id")
        known = local.get(previous) or self.stored.get(previous) if previous else Known()
        if known is None:
            message = f"Previous response with id '{previous}' not found."
            raise RefusedError(400, "previous_response_not_found", message)
        items = known.items.union(*(stored.items for stored in self.stored.values()))
        return check(body, known._replace(items=items))

    async def play(
        self, body: Json, response: Json, conn: int, gone: asyncio.Future[None], deliver: Deliver
    ) -> str:
        """Deliver a turn until it ends or the client leaves (`gone` is done); return its ending."""
        ending, sent = "client_gone", 0
        steps = response_steps(body, response, *self.pace)
        asked = re.search(r"TRIGGERINSTREAM:(\w+):\w+", last_user_text(body)[0])
        if asked and asked[0] not in self.refused_once:
            self.refused_once.add(asked[0])
            steps = failing_steps(steps, asked[1])
        try:
            for pause, event in steps:
                await asyncio.wait({gone}, timeout=pause)
                if gone.done():
                    break
                await deliver({**event, "sequence_number": sent})
                sent += 1
            else:
                ending = response["status"]
        except CutShortError as cut:
            ending = str(cut)
            if ending == "dropped":  # raised to uvicorn, which cuts the connection
                raise
        finally:
            kind = "client_gone" if ending == "client_gone" else "turn_end"
            self.log(kind, conn, response_id=response["id"], ending=ending, events=sent)
        return ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route by path; log every request but health checks."""
        conn = next(self.counter)
        path = scope["path"]
        query = "?" + scope["query_string"].decode() if scope["query_string"] else ""
        seen: Json = {"path": path + query, "headers": headers_of(scope)}
        answer = JSONResponse({"error": {"message": f"Not found: {path}"}}, status_code=404)
        if scope["type"] == "websocket":
            self.log("handshake", conn, **seen)
            if self.websocket and path == "/v1/responses":
                await self.converse(WebSocket(scope, receive, send), conn)
                return
        else:
            raw = await Request(scope, receive).body()
            body = json.loads(raw) if raw else None
            if path != "/healthz":
                self.log("request", conn, method=scope["method"], **seen, body=body)
            if path in {"/v1/responses", "/v1/chat/completions"} and isinstance(body, dict):
                await self.post(body, conn, scope, receive, send)
                return
            if path in {"/v1/models", "/healthz"}:
                models = [{"id": name, "object": "model", "owned_by": "mock"} for name in MODELS]
                answer = JSONResponse({"object": "list", "data": models})
        await answer(scope, receive, send)

    async def post(self, body: Json, conn: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one POST, as server-sent events or as one JSON object."""
        chat = scope["path"] == "/v1/chat/completions"
        if chat:
            body = {**body, "input": body.get("messages"), "store": False}
        try:
            known = self.known_to(body, {})
        except RefusedError as refusal:
            retry = {"retry-after": "1"} if refusal.status == 429 else None
            answer = JSONResponse(self.refuse(refusal, conn), refusal.status, retry)
            await answer(scope, receive, send)
            return
        stream = bool(body.get("stream"))
        kind = b"text/event-stream" if stream else b"application/json"
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

        async def deliver(event: Json) -> None:
            message = as_chat(event, "chat.completion.chunk", response) if chat else event
            if stream and message:
                name = "" if chat else f"event: {event['type']}\n"
                chunk = f"{name}data: {json.dumps(message)}\n\n".encode()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

        response = new_response(body)
        gone = asyncio.ensure_future(until_disconnect(receive))
        ending = await self.play(body, response, conn, gone, deliver)
        gone.cancel()
        if ending == "completed" and body.get("store", True):
            self.stored[response["id"]] = known.after(response["output"])
        final = {"type": "response.completed", "response": response}
        last = json.dumps(as_chat(final, "chat.completion", response) if chat else response)
        if stream:
            last = "data: [DONE]\n\n" if chat and ending == "completed" else ""
        await send({"type": "http.response.body", "body": last.encode()})

    async def converse(self, socket: WebSocket, conn: int) -> None:
        """Answer the frames of one WebSocket in order, as OpenAI's WebSocket mode does."""
        await socket.accept()
        frames: asyncio.Queue[str | None] = asyncio.Queue()
        gone = asyncio.ensure_future(read_frames(socket, frames))
        chain: dict[str, Known] = {}
        count = 0
        while (frame := await frames.get()) is not None:
            count += 1
            try:
                body = self.parse(frame, conn)
                known = self.known_to(body, chain)
            except RefusedError as refusal:
                event = {"type": "error", "status": refusal.status, **self.refuse(refusal, conn)}
                await socket.send_json(event)
                continue
            response = new_response(body)
            ending = await self.play(body, response, conn, gone, socket.send_json)
            chain[response["id"]] = known.after(response["output"])
            if ending == "ended_early":
                await socket.close()
                break
        gone.cancel()
        self.log("closed", conn, frames=count)

    def parse(self, frame: str, conn: int) -> Json:
        """Log a frame; return the request in it, flat or nested in `response`."""
        try:
            body = json.loads(frame)
        except ValueError:
            body = frame
        self.log("frame", conn, bytes=len(frame.encode(errors="replace")), body=body)
        if not isinstance(body, dict) or body.get("type") != "response.create":
            raise RefusedError(400, "invalid_frame", "A response.create event was expected.")
        nested = body.get("response")
        return nested if isinstance(nested, dict) else body


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the request's headers, with keys cut short."""
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    for name in headers:
        if "api-key" in name or name in {"authorization", "cookie", "sec-websocket-protocol"}:
            headers[name] = headers[name][:8] + "…"
    return headers


async def until_disconnect(receive: Receive) -> None:
    """Return once the HTTP client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_frames(socket: WebSocket, frames: asyncio.Queue[str | None]) -> None:
    """Queue each frame, then None; return once the client has left."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        frames.put_nowait(message.get("text") or "(binary)")
    frames.put_nowait(None)


def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(description="A mock OpenAI; see the head of the file.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: let the system choose")
    parser.add_argument("--port-file", type=Path, help="write the port here once it listens")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--no-websocket", action="store_true", help="answer handshakes with 404")
    parser.add_argument("--first-ms", type=float, default=50, help="time to the first output item")
    parser.add_argument("--delta-ms", type=float, default=5, help="time between text deltas")
    args = parser.parse_args()
    provider = Provider(args.log, args.first_ms / 1e3, args.delta_ms / 1e3, not args.no_websocket)
    listener = socket.create_server((args.host, args.port))
    if args.port_file:
        part = args.port_file.with_suffix(".part")
        part.write_text(str(listener.getsockname()[1]))
        part.replace(args.port_file)
    tls = {"ssl_certfile": args.tls_cert, "ssl_keyfile": args.tls_key}
    # "critical", since TRIGGERDROP is an exception on purpose; one message may be 64 MiB.
    options = {"log_level": "critical", "lifespan": "off", "ws_max_size": 64 << 20, **tls}
    # By default uvicorn closes an idle connection after 5 s. LiteLLM keeps it longer, and would now
    # and then send a request at that moment: a 500 that no real provider causes.
    options["timeout_keep_alive"] = 600
    uvicorn.Server(uvicorn.Config(provider, **options)).run(sockets=[listener])


if __name__ == "__main__":
    main()
