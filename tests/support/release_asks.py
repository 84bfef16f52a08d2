"""Checks on one running proxy of what clients and operators rely on; each returns a few words."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI

from support.client import TERMINAL
from support.release_client import Client, Words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.fleet import Live

NATIVE, ALIAS, MANAGED, CHAT = "gpt-4o", "my-alias", "managed-5.4", "chat-5.4"
# Models of `models`. The first is named like its provider's model; MANAGED is not.
OWN_NAME, OTHER_MANAGED, PLAIN, FAILING = (
    "hosted_vllm/gpt-5.4",
    "managed-4o",
    "plain-5.4",
    "failing-4o",
)
APPLY_PATCH = {"type": "custom", "name": "apply_patch", "description": "Edit files"}
Ask = Callable[[Callable[..., Client]], Awaitable[Words]]
_marks = itertools.count(1)


def models(plain_url: str) -> tuple[dict[str, Any], ...]:
    """Return the models of these rows; `plain_url` is a provider on http:// without WebSockets."""
    nobody = {"api_base": "http://127.0.0.1:9/v1"}
    return tuple(
        {"model_name": name, "litellm_params": {"model": model, **more}}
        for name, model, more in (
            (OWN_NAME, OWN_NAME, {}),
            (OTHER_MANAGED, "hosted_vllm/gpt-4o", {}),
            (PLAIN, "openai/gpt-5.4", {"api_base": f"{plain_url}/v1"}),
            (FAILING, "openai/gpt-4o", nobody),
        )
    )


GUARDRAIL = {"guardrail": "keys_and_spend.Guardrail", "mode": "pre_call", "default_on": True}
CONFIG: dict[str, Any] = {
    "router_settings": {"fallbacks": [{FAILING: [NATIVE]}]},
    "guardrails": [{"guardrail_name": "refuse", "litellm_params": GUARDRAIL}],
}


def mark() -> str:
    """Return a word that appears in no other row's input."""
    return f"mark-{time.time_ns()}-{next(_marks)}"


def asked(live: Live, word: str) -> list[dict[str, Any]]:
    """Return the bodies with this word that the provider received, by POST or in frames."""
    bodies = [record["body"] for record in live.provider_log() if "body" in record]
    return [body.get("response") or body for body in bodies if word in json.dumps(body)]


def together(words: Iterable[Words]) -> Words:
    """Return outcomes on one line, with repeated ones counted, such as "2 times turn, 429"."""
    groups = [(word, len(list(group))) for word, group in itertools.groupby(words)]
    return ", ".join(word if count == 1 else f"{count} times {word}" for word, count in groups)


def one_turn(**fields: Any) -> Ask:
    """Return a check that makes one turn."""

    async def run(client: Callable[..., Client]) -> Words:
        async with client() as it:
            return await it.turn(**fields)

    return run


def told(**fields: Any) -> Ask:
    """Return a check of a turn that fails; its outcome is "told" if an event says so."""

    async def run(client: Callable[..., Client]) -> Words:
        async with client() as it:
            turn = await it.turn(**fields)
        return "told" if turn.isdigit() or turn.startswith("response.") else turn

    return run


async def spend_of(it: Client, count: int, seconds: float) -> list[dict[str, Any]]:
    """Return the spend records of a client's key, once there are `count` or the time is up."""
    end = time.monotonic() + seconds
    while True:
        results = [r for r in it.live.spend_log() if r["key_alias"] == it.key]
        if len(results) >= count or time.monotonic() > end:
            return results
        await asyncio.sleep(0.1)


def under_limits(turns: int, **limits: Any) -> Ask:
    """Return a check that counts the turns that a key's limits allow.

    Each turn waits until the previous one is accounted for.
    """

    async def run(client: Callable[..., Client]) -> Words:
        served = 0
        async with client(**limits) as it:
            for number in range(turns):
                served += await it.turn() == "turn"
                await spend_of(it, number + 1, 3)
                await asyncio.sleep(1)  # LiteLLM counts tokens in a separate task
        return f"{served} of {turns} turns"

    return run


async def warm_up_calls(client: Callable[..., Client]) -> Words:
    """Make a warm-up; count the requests that reach the provider."""
    word = mark()
    async with client() as it:
        turn = await it.turn(model=OWN_NAME, input=word, generate=False)
        return f"{turn}, {len(asked(it.live, word))} calls"


async def warm_up_input(client: Callable[..., Client]) -> Words:
    """Continue a warm-up; return whether its input reaches the provider."""
    early, late = mark(), mark()
    async with client() as it:
        await it.turn(model=OWN_NAME, input=early, generate=False)
        turn = await it.turn(model=OWN_NAME, input=late, previous_response_id=it.response_id)
        calls = asked(it.live, late)
        return f"{turn}, {'kept' if calls and early in json.dumps(calls) else 'lost'}"


async def apply_patch(client: Callable[..., Client]) -> Words:
    """Answer a tool call of Codex's apply_patch.

    If the proxy loses the call's event, Codex waits 300 s or more.
    """
    async with client() as it:
        tools = {"model": OWN_NAME, "tools": [APPLY_PATCH]}
        turns = [await it.turn(input=f"TRIGGERCUSTOM {mark()}", **tools)]
        calls = (it.last.get("response") or {}).get("output") or []
        done = [
            {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "ok"}
            for call in calls
            if call["type"] == "custom_tool_call"
        ]
        turns.append(await it.turn(input=done, previous_response_id=it.response_id, **tools))
        return together(turns)


async def reasoning(client: Callable[..., Client]) -> Words:
    """Continue a turn that has a reasoning item; return whether the item reaches the provider."""
    late = mark()
    async with client() as it:
        turns = [await it.turn(model=OWN_NAME, input=f"TRIGGERREASON {mark()}")]
        turns.append(await it.turn(model=OWN_NAME, input=late, previous_response_id=it.response_id))
        calls = asked(it.live, late)
        return f"{together(turns)}, {'kept' if 'mock-sealed-' in json.dumps(calls) else 'lost'}"


def two_models(first: str, second: str, **limits: Any) -> Any:
    """Return a check that names a second model in a later frame.

    The words are each turn's outcome and the model that the provider was asked for.
    """

    async def run(client: Callable[..., Client]) -> Words:
        messages = []
        async with client(**limits) as it:
            for model in (first, second):
                word = mark()
                outcome = await it.turn(model=model, input=word)
                of = "".join(f" of {body['model']}" for body in asked(it.live, word))
                messages.append(outcome + of)
        return ", ".join(messages)

    return run


async def revoked(client: Callable[..., Client]) -> Words:
    """Revoke the key between two turns of one connection."""
    async with client() as it:
        turns = [await it.turn()]
        it.live.revoke(it.key)
        turns.append(await it.turn())
        if it.socket and turns[-1].isdigit():
            await asyncio.wait([asyncio.ensure_future(it.socket.wait_closed())], timeout=5)
            turns.append(f"closed {it.socket.close_code}")
        return together(turns)


async def idle_slot(client: Callable[..., Client]) -> Words:
    """Leave a connection idle after its turn; make a turn on a second one with the same key."""
    async with client(max_parallel_requests=1) as idle:
        turns = [await idle.turn()]
        async with Client(idle.live, idle.patience, idle.way, idle.key) as second:
            turns.append(await second.turn())
        return together(turns)


async def binary_frame(client: Callable[..., Client]) -> Words:
    """Send a turn's JSON as a binary frame; then make a turn."""
    async with client() as it:
        body = {"type": "response.create", "model": NATIVE, "input": "hi", "store": False}
        return together([await it.say(json.dumps(body).encode()), await it.turn()])


async def array_frame(client: Callable[..., Client]) -> Words:
    """Send a JSON array; then make a turn."""
    async with client() as it:
        return together([await it.say("[1]"), await it.turn()])


def hook(trigger: str, model: str) -> Ask:
    """Return a check of a turn that the proxy rejects before it calls the provider."""

    async def run(client: Callable[..., Client]) -> Words:
        word = mark()
        async with client() as it:
            turn = await it.turn(model=model, input=f"{trigger} {word}")
            return f"{turn}, provider {'asked' if asked(it.live, word) else 'not asked'}"

    return run


async def spend(client: Callable[..., Client]) -> Words:
    """Make a warm-up and three turns, then leave.

    The words are the tokens recorded in all, and the number of records before the connection ended.
    """
    async with client() as it:
        if it.socket:
            await it.turn(input="", generate=False)
        for _ in range(3):
            await it.turn()
        await spend_of(it, 3, 10)
        await asyncio.sleep(1.5)  # a surplus record would arrive within this time
        early = len(await spend_of(it, 0, 0))
    records = await spend_of(it, max(early, 1), 4)
    tokens = sum(record["prompt_tokens"] + record["completion_tokens"] for record in records)
    return f"{tokens} tokens, {early} records before the end"


async def late_first_frame(client: Callable[..., Client]) -> Words:
    """Connect, send nothing for 33 s, then make a turn."""
    async with client() as it:
        await asyncio.sleep(33)
        return await it.turn()


async def openai_python(client: Callable[..., Client]) -> Words:
    """Make two turns with OpenAI's own Python client, the second continuing the first."""
    it = client()
    messages: list[Words] = []
    previous: dict[str, Any] = {}
    async with (
        AsyncOpenAI(base_url=f"{it.live.proxy.url}/v1", api_key=it.key) as openai,
        openai.responses.connect() as connection,
    ):
        for _ in range(2):
            await connection.response.create(model=CHAT, input="hi", **previous)
            async for event in connection:
                if event.type == "response.completed":
                    previous = {"previous_response_id": event.response.id}
                if event.type in TERMINAL:
                    messages.append("turn" if event.type == "response.completed" else event.type)
                    break
    return together(messages)
