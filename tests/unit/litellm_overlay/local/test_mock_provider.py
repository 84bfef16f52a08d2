"""The mock provider is as strict as OpenAI, so that it finds a client's mistakes."""

from __future__ import annotations

import json

import pytest

from litellm_overlay.local.mock_provider import (
    CutShortError,
    Known,
    RefusedError,
    as_chat,
    check,
    failing_steps,
    headers_of,
    last_user_text,
    new_response,
    response_steps,
)

CALL = {"type": "function_call", "call_id": "call_1", "name": "shell", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}


def request(given, **fields):
    """Return a request body."""
    return {"model": "gpt-5.4", "input": given, **fields}


def events(text, **fields):
    """Return the events of a turn, without the pauses."""
    body = request(text, **fields)
    return [event for _, event in response_steps(body, new_response(body), 0, 0)]


def message(role, text):
    """Return a message item."""
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (request("hi", model="my-alias"), "model_not_found"),
        (request([]), "missing_required_parameter"),
        (request("TRIGGER429"), "rate_limit_exceeded"),
        (request("TRIGGERSTATUS:429"), "rate_limit_exceeded"),
        (request("TRIGGERLIMIT"), None),
        (request([{"type": "reasoning", "summary": []}, message("user", "TRIGGERVLLM")]), None),
        (request([OUTPUT]), None),
        (request([CALL]), None),
        (request([{"type": "reasoning", "id": "rs_1", "summary": []}]), None),
        (request([{"type": "item_reference", "id": "msg_1"}]), None),
        (request([{"type": "reasoning", "encrypted_content": "x"}]), "invalid_encrypted_content"),
    ],
    ids=[
        "unknown model",
        "empty input",
        "asked to",
        "asked to, with a status",
        "a plan's limit",
        "reasoning without its id",
        "output without a call",
        "call without an output",
        "reasoning that was never stored",
        "reference to an item never stored",
        "reasoning sealed by somebody else",
    ],
)
def test_what_openai_refuses_is_refused(body, code):
    """A mistake that OpenAI refuses is refused with OpenAI's code."""
    with pytest.raises(RefusedError) as refusal:
        check(body, Known())
    assert refusal.value.error["code"] == code


@pytest.mark.parametrize(
    ("body", "known"),
    [
        (request("hi"), Known()),
        (request([], generate=False), Known()),
        (request([CALL, OUTPUT]), Known()),
        (request([OUTPUT]), Known(calls=frozenset({"call_1"}))),
        (request([{"type": "reasoning", "encrypted_content": "mock-sealed-1"}]), Known()),
        (request([{"type": "item_reference", "id": "m"}]), Known(items=frozenset({"m"}))),
        (request([{"type": "reasoning", "id": "r"}, message("user", "TRIGGERVLLM")]), Known()),
    ],
    ids=["text", "warm-up", "call and output", "call in the chain", "own seal", "stored", "vLLM's"],
)
def test_what_openai_accepts_is_accepted(body, known):
    """A correct request passes."""
    assert check(body, known)


def test_a_chain_knows_the_calls_it_made():
    """A call's output is accepted in a later turn only after the call."""
    output = events("TRIGGERTOOL")[-1]["response"]["output"]
    known = Known().after(output)
    check(request([{**OUTPUT, "call_id": output[0]["call_id"]}]), known)
    with pytest.raises(RefusedError, match="No tool output found"):
        check(request("go on"), known)


def test_a_text_turn_has_openais_events_in_order():
    """A text turn has OpenAI's events in order, and its deltas give the text."""
    turn = events("hi")
    assert [event["type"].removeprefix("response.") for event in turn] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 6,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    text = "".join(event.get("delta", "") for event in turn)
    assert turn[-1]["response"]["output"][0]["content"][0]["text"] == text
    assert turn[-1]["response"]["usage"]["total_tokens"] == 18
    assert turn[0]["response"]["status"] == "in_progress"


@pytest.mark.parametrize(
    ("text", "kinds", "ending"),
    [
        ("TRIGGERTOOL", ["function_call"], "completed"),
        ("TRIGGERREASON TRIGGERTOOL", ["reasoning", "function_call"], "completed"),
        ("TRIGGERCUSTOM", ["custom_tool_call"], "completed"),
        ("TRIGGERREASON", ["reasoning", "message"], "completed"),
        ("TRIGGERINCOMPLETE", ["message"], "incomplete"),
        ("TRIGGERFAILED", [], "failed"),
    ],
)
def test_words_steer_the_turn(text, kinds, ending):
    """Words in the input decide the output items and the ending."""
    last = events(text)[-1]
    assert last["type"] == f"response.{ending}"
    assert [item["type"] for item in last["response"]["output"]] == kinds


def test_a_tool_that_has_answered_is_not_called_again():
    """After a tool's output the turn is a message, until the user speaks again."""
    done = [message("user", "TRIGGERTOOL"), CALL, OUTPUT]
    assert events(done)[-1]["response"]["output"][0]["type"] == "message"
    again = [*done, message("user", "TRIGGERTOOL")]
    assert events(again)[-1]["response"]["output"][0]["type"] == "function_call"


@pytest.mark.parametrize(
    ("word", "how"), [("TRIGGERDROP", "dropped"), ("TRIGGEREARLYEND", "ended_early")]
)
def test_a_turn_can_be_cut_short(word, how):
    """A turn can be cut after two deltas, without a terminal event."""
    body = request(word)
    steps = response_steps(body, new_response(body), 0, 0)
    seen = [next(steps)[1]["type"] for _ in range(6)]
    assert seen[4:] == ["response.output_text.delta"] * 2
    with pytest.raises(CutShortError, match=how):
        next(steps)


def test_a_warm_up_says_nothing_and_costs_no_output():
    """A warm-up has an id, no output and no output tokens."""
    turn = events([], generate=False)
    assert [event["type"] for event in turn] == ["response.created", "response.completed"]
    assert turn[-1]["response"]["usage"]["output_tokens"] == 0


def test_the_shell_that_codex_offered_is_called():
    """The call uses the name and arguments of the shell tool that Codex offers."""
    item = events("TRIGGERTOOL", tools=[{"name": "exec_command"}])[-1]["response"]["output"][0]
    assert item["name"] == "exec_command"
    assert json.loads(item["arguments"]) == {"cmd": "echo tool-ran"}


def test_the_last_user_text_counts():
    """Only the last user text steers the turn."""
    items = [message("user", "TRIGGER500"), message("assistant", "no"), message("user", "hi")]
    assert last_user_text(request(items)) == ("hi", False)


def test_an_error_comes_in_mid_stream():
    """A mid-stream error comes after the first events, without a terminal event."""
    body = request("hi")
    steps = failing_steps(response_steps(body, new_response(body), 0, 0), "server_error")
    seen = [next(steps)[1] for _ in range(5)]
    assert seen[0]["type"] == "response.created"
    assert (seen[-1]["type"], seen[-1]["code"]) == ("error", "server_error")
    with pytest.raises(CutShortError):
        next(steps)


def test_chat_chunks_say_the_same():
    """The chunks of a chat completion give the same text."""
    response = {"id": "resp_1"}
    chunks = [as_chat(event, "chat.completion.chunk", response) for event in events("hi")]
    assert {chunk["id"] for chunk in chunks if chunk} == {"chatcmpl-1"}
    choices = [chunk["choices"][0] for chunk in chunks if chunk]
    text = "".join(choice["delta"].get("content", "") for choice in choices)
    assert text == "Hello from the mock model."
    assert choices[-1]["finish_reason"] == "stop"


def test_keys_are_cut_short_in_the_log():
    """Headers that can contain a key are shortened in the log."""
    names = ["authorization", "api-key", "x-litellm-api-key", "sec-websocket-protocol", "cookie"]
    secret = b"Bearer sk-secret-and-long"
    logged = headers_of({"headers": [(name.encode(), secret) for name in names]})
    assert set(logged.values()) == {"Bearer s…"}
