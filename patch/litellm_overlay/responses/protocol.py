"""The Responses WebSocket protocol as Codex speaks it: frames out, the events of a turn in. No I/O.

Frames are plain dicts, to be sent as JSON text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

TERMINAL = (
    "response.completed",
    "response.failed",
    "response.incomplete",
    "response.cancelled",
    "error",
)
INSTRUCTIONS = "You are a connection test. Answer with one short word."
SHELL_TOOL = {
    "type": "function",
    "name": "shell_command",
    "description": "Runs a shell command and returns its output.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"command": {"type": "string"}},
        "required": ["command"],
        "additionalProperties": False,
    },
}


def user_message(text: str) -> Json:
    """Return the input item for a user message."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


def tool_output(call_id: str, output: str) -> Json:
    """Return the input item that answers a function call."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def response_create(model: str, *items: Json, previous: str | None = None) -> Json:
    """Return a `response.create` frame as Codex sends it: flat, with `store` false."""
    frame = {
        "type": "response.create",
        "model": model,
        "instructions": INSTRUCTIONS,
        "input": list(items),
        "tools": [SHELL_TOOL],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "store": False,
        "stream": True,
    }
    return {**frame, "previous_response_id": previous} if previous else frame


def warm_up(model: str) -> Json:
    """Return Codex's first frame, which asks only for a response id for the next turn."""
    return {**response_create(model), "generate": False}


def nested(frame: Json) -> Json:
    """Return the same request in the form that LiteLLM's own tests use: inside `response`."""
    request = {key: value for key, value in frame.items() if key != "type"}
    return {"type": frame["type"], "response": request}


@dataclass(frozen=True, slots=True)
class Turn:
    """The events that answered one frame, until the last one, a close or the timeout."""

    events: tuple[Json, ...]
    close: int | None  # close code; 1006: the connection broke; below 1000: handshake refused
    first_event_ms: float | None
    total_ms: float

    @property
    def terminal(self) -> str | None:
        """Return the type of the event that ended the turn, None after a close or timeout."""
        last = self.events[-1].get("type") if self.events else None
        return last if last in TERMINAL else None

    @property
    def completed(self) -> bool:
        """Tell whether the turn ended with `response.completed`."""
        return self.terminal == "response.completed"

    @property
    def silent(self) -> bool:
        """Tell whether the turn timed out with the connection still open."""
        return self.terminal is None and self.close is None

    @property
    def response(self) -> Json:
        """Return the final response object, {} if there is none."""
        response = self.events[-1].get("response") if self.terminal else None
        return response if isinstance(response, dict) else {}

    @property
    def response_id(self) -> str | None:
        """Return the response's id, None if there is none."""
        value = self.response.get("id")
        return value if isinstance(value, str) else None

    @property
    def usage(self) -> Json:
        """Return the token usage that the provider reported, {} if there is none."""
        value = self.response.get("usage")
        return value if isinstance(value, dict) else {}

    @property
    def text(self) -> str:
        """Return the text of the model's answer."""
        return "".join(
            str(event.get("delta", ""))
            for event in self.events
            if event.get("type") == "response.output_text.delta"
        )

    @property
    def calls(self) -> tuple[Json, ...]:
        """Return the tool calls the model made."""
        items = [
            event.get("item")
            for event in self.events
            if event.get("type") == "response.output_item.done"
        ]
        return tuple(item for item in items if isinstance(item, dict) and "call_id" in item)

    @property
    def error(self) -> Json:
        """Return the `error` event that ended the turn, {} if none did."""
        return self.events[-1] if self.terminal == "error" else {}


def parse(message: str | bytes) -> Json:
    """Return a received event; {"not_an_event": text} if the message is no JSON object."""
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        event = message
    return event if isinstance(event, dict) else {"not_an_event": repr(message)[:200]}
