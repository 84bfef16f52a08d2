"""Event sequences that the bridge itself makes (pure): warm-up, cancelled turn, turn told as JSON.

Each event has what the types of OpenAI's SDKs require, also where LiteLLM leaves it out.
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any

_TERMINAL_BY_STATUS = {"failed": "response.failed", "incomplete": "response.incomplete"}

_CALLS = {"function_call": "fc", "custom_tool_call": "ctc"}  # and how their ids begin


def _numbered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _usage(usage: Any) -> dict[str, Any]:
    """Return a `usage` with every count; what is not known is 0."""
    counted = {k: v for k, v in usage.items() if v is not None} if isinstance(usage, dict) else {}
    counts = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    details = {
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    detailed = {name: {**zeros, **(counted.get(name) or {})} for name, zeros in details.items()}
    return {**counts, **counted, **detailed}


def _response(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response object with every member that must be there."""
    required = {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    missing = {name: value for name, value in required.items() if response.get(name) is None}
    return {"error": None, "incomplete_details": None, **response, **missing}


def warm_up_events(response_id: str, model: str) -> list[dict[str, Any]]:
    """Return what answers `generate: false`: a response without output that cost nothing."""
    response = _response({"id": response_id, "model": model, "status": "in_progress"})
    completed = {**response, "status": "completed", "usage": _usage(None)}
    return _numbered(
        [
            {"type": "response.created", "response": {**response, "usage": None}},
            {"type": "response.completed", "response": completed},
        ]
    )


def cancelled_event(response: dict[str, Any]) -> dict[str, Any]:
    """Return the end of a turn that its client cancelled; `response`: as far as it was told.

    OpenAI's SDKs know no `response.cancelled`, so an iterator of theirs would wait on after it.
    """
    whole = {**_response(response), "status": "cancelled", "usage": _usage(response.get("usage"))}
    return {"type": "response.incomplete", "response": whole}


def events_of_response(response: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events a stream would have had for a response that came as one JSON body.

    LiteLLM answers so when a guardrail or a hook stands in for the model.
    """
    output = [_item(item) for item in response.get("output") or [] if isinstance(item, dict)]
    response = {"status": "completed", **_response(response), "output": output}
    response["usage"] = _usage(response.get("usage"))
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(output):
        events += [
            {"type": "response.output_item.added", "output_index": index, "item": _begun(item)},
            *_text_events(index, item),
            {"type": "response.output_item.done", "output_index": index, "item": item},
        ]
    terminal = _TERMINAL_BY_STATUS.get(str(response.get("status")), "response.completed")
    events.append({"type": terminal, "response": response})
    return _numbered(events)


def _item(item: dict[str, Any]) -> dict[str, Any]:
    """Return an output item with what LiteLLM's guardrails leave out and clients need."""
    content = item.get("content")
    kind = item.get("type")
    if isinstance(kind, str) and kind in _CALLS:
        return {"id": f"{_CALLS[kind]}_{uuid.uuid4().hex}", "status": "completed", **item}
    if item.get("type", "message") != "message" or not isinstance(content, list):
        return item
    message = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant"}
    return {**message, "status": "completed", **item, "content": [_part(part) for part in content]}


def _part(part: Any) -> Any:
    if not isinstance(part, dict) or part.get("type") not in ("text", "output_text"):
        return part
    return {"annotations": [], **part, "type": "output_text", "text": part.get("text") or ""}


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as it stands before its events: accumulators would take its text twice."""
    return {**item, "status": "in_progress", "content": []} if _parts(item) else item


def _parts(item: dict[str, Any]) -> list[Any]:
    content = item.get("content")
    return content if item.get("type") == "message" and isinstance(content, list) else []


def _text_events(index: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part_index, part in enumerate(_parts(item)):
        if not isinstance(part, dict) or part.get("type") != "output_text":
            continue
        where = {"item_id": item["id"], "output_index": index, "content_index": part_index}
        text_event = {**where, "logprobs": []}
        empty = {**part, "text": ""}
        yield {"type": "response.content_part.added", **where, "part": empty}
        yield {"type": "response.output_text.delta", **text_event, "delta": part["text"]}
        yield {"type": "response.output_text.done", **text_event, "text": part["text"]}
        yield {"type": "response.content_part.done", **where, "part": part}
