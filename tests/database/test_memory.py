"""`previous_response_id` with chat completions: LiteLLM finds the conversation in its database."""

from __future__ import annotations

import json

import httpx
import pytest

from support import database, sides
from support.client import connect, said, turn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def proxy(postgres, tables, provider, litellm, tmp_path_factory):
    """Run a patched proxy that stores prompts, which LiteLLM needs to find conversations."""
    env = database.environment_of(litellm, "2.0.0")
    settings = {"store_prompts_in_spend_logs": True}
    folder = tmp_path_factory.mktemp("memory")
    with database.running(env, provider, postgres, tables, folder, settings=settings) as running:
        yield running


def asked(provider):
    """Return the texts of the last request to the provider."""
    lines = provider.server.log.read_text().splitlines()
    bodies = [record["body"] for line in lines if (record := json.loads(line))["kind"] == "request"]
    texts = [message["content"] for message in bodies[-1]["messages"]]
    return [text if isinstance(text, str) else text[0]["text"] for text in texts]


async def test_a_conversation_is_whole_and_never_doubled(proxy, provider):
    """A conversation is neither cut nor doubled.

    On one connection the bridge expands it. After a reconnect LiteLLM does, as over HTTP.
    """
    answer = "Hello from the mock model."
    side = sides.Side("websocket", proxy)
    key = await side.key()
    url = f"{proxy.server.ws_url}/v1/responses"
    previous: dict[str, str] = {}
    async with connect(url, key) as socket:
        for count, text in enumerate(("one", "two", "three"), 1):
            events = await turn(socket, model="chat-5.4", input=text, **previous)
            assert said(events) == answer
            previous = {"previous_response_id": events[-1]["response"]["id"]}
            await side.written(key, count)  # from here on LiteLLM could add it as well
    assert asked(provider) == ["one", answer, "two", answer, "three"]

    async with connect(url, key) as socket:
        assert said(await turn(socket, model="chat-5.4", input="four", **previous)) == answer
    reconnected = asked(provider)
    async with httpx.AsyncClient(base_url=proxy.server.url, timeout=30) as http:
        body = {"model": "chat-5.4", "input": "four", "stream": True, **previous}
        headers = {"Authorization": f"Bearer {key}"}
        assert (await http.post("/v1/responses", json=body, headers=headers)).status_code == 200
    assert reconnected[-1] == "four"
    assert reconnected == asked(provider)
