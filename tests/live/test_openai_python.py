"""OpenAI's own Python client in its newest release, with a new connection per test."""

from __future__ import annotations

import asyncio

import pytest
from openai import AsyncOpenAI

from support.client import TERMINAL

MODEL = "gpt-4o"


@pytest.fixture
async def connection(bridge):
    """Yield an open connection of the client."""
    async with (
        AsyncOpenAI(base_url=f"{bridge.proxy.url}/v1", api_key="sk-1234") as client,
        client.responses.connect() as connection,
    ):
        yield connection


async def events(connection):
    """Return the events up to the first terminal one, as the client parses them."""
    seen = []
    async for event in connection:
        seen.append(event)
        if event.type in TERMINAL:
            return seen
    raise AssertionError([event.type for event in seen])


async def said(connection):
    """Return the text of a turn that must complete."""
    last = (await events(connection))[-1]
    assert last.type == "response.completed", last
    return last.response.output_text


async def test_a_conversation(connection):
    """A second turn continues the first, with the default `store`."""
    await connection.response.create(model="chat-5.4", input="one")
    first = (await events(connection))[-1]
    assert first.response.output_text == "Hello from the mock model."
    await connection.response.create(
        model="chat-5.4", input="two", previous_response_id=first.response.id
    )
    assert await said(connection)


@pytest.mark.parametrize("waits", [0, 1.5])
async def test_a_refused_key_is_told_in_litellm_s_words(bridge, waits):
    """LiteLLM's reason for refusing a key is an error event, and also the reason of the close."""
    async with (
        AsyncOpenAI(base_url=f"{bridge.proxy.url}/v1", api_key="sk-blocked-0001") as client,
        client.responses.connect() as connection,
    ):
        await asyncio.sleep(waits)
        if waits:
            with pytest.raises(Exception, match=r"1008.*Key is blocked"):
                await connection.response.create(model=MODEL, input="hi")
        else:
            await connection.response.create(model=MODEL, input="hi")
        error = (await events(connection))[-1]
        assert error.type == "error"
        assert "Key is blocked" in str(error)


async def test_steering_ends_no_turn(connection):
    """A steer is refused with an event of its own type, and the running turn completes."""
    await connection.response.create(model=MODEL, input="TRIGGERPACED:3")
    await connection.send(
        {"type": "response.steer", "previous_response_id": "resp_1", "input": "more"}
    )
    seen = await events(connection)
    steer = next(event for event in seen if event.type == "response.steer.failed")
    assert steer.error.code == "steering_not_supported"
    assert seen[-1].response.output_text == "0 1 2 "
    await connection.response.create(model=MODEL, input="hi")
    assert await said(connection)


async def test_a_cancelled_turn_ends_for_the_iterator(connection):
    """`response.cancel` ends the turn for the iterator; the client has no method for it."""
    await connection.response.create(model=MODEL, input="TRIGGERPACED:300")
    async for event in connection:
        if event.type == "response.output_text.delta":
            break
    await connection.send_raw('{"type":"response.cancel"}')
    seen = await asyncio.wait_for(events(connection), 10)
    assert seen[-1].response.status == "cancelled"
    await connection.response.create(model=MODEL, input="hi")
    assert await said(connection)


async def test_an_error_has_what_the_client_s_types_say(connection):
    """An error has the fields of the client's types, and the connection stays usable."""
    await connection.response.create(model=MODEL, input="TRIGGER429")
    error = (await events(connection))[-1]
    assert (error.type, error.status, error.error.code) == ("error", 429, "rate_limit_exceeded")
    assert error.sequence_number == 0
    await connection.response.create(model=MODEL, input="hi")
    assert await said(connection)
