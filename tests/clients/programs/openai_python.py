"""openai-python: `responses.connect()`, or `responses.create(stream=True)` over HTTP.

Runs in an environment of its own, on a proxy's URL and a way; see support/client_packages.py.
"""

import asyncio
import contextlib
import json
import sys

from openai import AsyncOpenAI

SHELL = {
    "type": "function",
    "name": "shell_command",
    "description": "Run a command.",
    "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
    "strict": False,
}
ENDS = ("response.completed", "response.failed", "response.incomplete", "error")


class ToldError(Exception):
    """A turn ended without `response.completed`; the text is its last event, if any."""


@contextlib.asynccontextmanager
async def way_in(way, client):
    """Yield a function that requests one turn and returns an iterator of its events."""
    if way == "http":

        async def post(**body):
            return await client.responses.create(stream=True, **body)

        yield post
        return
    async with client.responses.connect() as connection:

        async def send(**body):
            await connection.response.create(**body)
            return connection

        yield send


async def turn(ask, **body):
    """Return a turn's response; raises ToldError unless it completes."""
    async for event in await ask(**body):
        if event.type in ENDS:
            if event.type != "response.completed":
                raise ToldError(event.to_json())
            return event.response
    raise ToldError("the stream ended without a terminal event")


async def run(ask, does, model, text, previous):
    """Return the model's last text."""
    body = {"model": model, "input": text}
    if does == "tools":
        body["tools"] = [SHELL]
    if previous:
        body["previous_response_id"] = previous
    response = await turn(ask, **body)
    if does == "chain":
        body = {"model": model, "input": f"and {text}", "previous_response_id": response.id}
        response = await turn(ask, **body)
    elif does == "tools":
        call = next(item for item in response.output if item.type == "function_call")
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "tool-ran"}
        body |= {"input": [output], "previous_response_id": response.id}
        response = await turn(ask, **body)
    return response.output_text


async def main():
    """Answer each JSON line of stdin with one line."""
    _, url, way = sys.argv
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            async with (
                # The oldest releases with `connect()` assume TLS for every server.
                AsyncOpenAI(
                    base_url=url,
                    websocket_base_url=url.replace("http", "ws", 1),
                    api_key=asked["key"],
                ) as client,
                way_in(way, client) as ask,
            ):
                asked.pop("key")
                answer = {"said": await run(ask, **asked)}
        except Exception as error:  # noqa: BLE001  # whatever a user would see
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
