"""Event sequences that the bridge itself makes (pure): the warm-up, and a turn answered as JSON."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

_NO_USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}
_TERMINAL_BY_STATUS = {"failed": "response.failed", "incomplete": "response.incomplete"}


def _numbered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def warm_up_events(response_id: str, model: str) -> list[dict[str, Any]]:
    """Return what answers `generate: false`: a response without output that cost nothing."""
    response = {
        "id": response_id,
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }
    completed = {**response, "status": "completed", "usage": _NO_USAGE}
    return _numbered(
        [
            {"type": "response.created", "response": response},
            {"type": "response.completed", "response": completed},
        ]
    )


def events_of_response(response: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events a stream would have had for a response that came as one JSON body.

    LiteLLM answers so when a guardrail or a hook stands in for the model.
    """
    output = [_whole(item) for item in response.get("output") or [] if isinstance(item, dict)]
    response = {"status": "completed", **response, "output": output}
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(output):
        events += [
            {"type": "response.output_item.added", "output_index": index, "item": item},
            *_text_events(index, item),
            {"type": "response.output_item.done", "output_index": index, "item": item},
        ]
    terminal = _TERMINAL_BY_STATUS.get(str(response.get("status")), "response.completed")
    events.append({"type": terminal, "response": response})
    return _numbered(events)


def _whole(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item with what LiteLLM's guardrails leave out and clients need."""
    if "type" in item or not isinstance(item.get("content"), list):
        return item
    content = [
        {"annotations": [], **part, "type": "output_text"}
        if isinstance(part, dict) and part.get("type") == "text"
        else part
        for part in item["content"]
    ]
    message = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant"}
    return {**message, "status": "completed", **item, "content": content}


def _text_events(index: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part_index, part in enumerate(item.get("content") or []):
        if isinstance(part, dict) and part.get("type") == "output_text":
            where = {"item_id": item.get("id"), "output_index": index, "content_index": part_index}
            text = part.get("text") or ""
            yield {"type": "response.output_text.delta", **where, "delta": text}
            yield {"type": "response.output_text.done", **where, "text": text}
