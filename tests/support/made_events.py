"""Every kind of event that the bridge itself creates, as a client's stream contains them."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException

from endpoint_patch.versions.v2_0_0.inserted import (
    answers,
    asides,
    clocks,
    errors,
    heartbeat,
    http_errors,
    refusals,
)
from endpoint_patch.versions.v2_0_0.inserted.frames import ControlEvent

Events = list[dict[str, Any]]

_LIMIT = {"type": "usage_limit_reached", "message": "m", "plan_type": "pro", "resets_at": 1}
_WRAPPED = 'litellm.BadRequestError: OpenAIException - {"error":{"message":"m","code":"c"}}'


def _response(**fields: Any) -> Events:
    """Return the events for a response that LiteLLM returned as one JSON body."""
    return answers.events_of_response({"id": "resp_1", "object": "response", **fields})


def _message(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


def _call(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "call_id": "call_1", "name": "f", **fields}


def _aside(**event: Any) -> dict[str, Any]:
    return asides.refused_event(ControlEvent(event, None))


def _end_of_connection() -> dict[str, Any]:
    ending = clocks.Clocks(1, 0).ending(2, heard=True)
    assert ending
    assert ending.event
    return ending.event


def by_name() -> dict[str, Events]:
    """Return {name: events}; a turn's events form a whole stream."""
    cancelled = {**answers.cancelled_event({"id": "resp_1"}), "sequence_number": 0}
    limit = http_errors.error_event_from(429, _LIMIT, {"retry-after": "1"})
    steer = {"type": "response.steer", "previous_response_id": "resp_1", "input": "more"}
    return {
        "warm-up": answers.warm_up_events("resp_1", "m"),
        "cancelled": [cancelled],
        "message": _response(output=[_message("no")]),
        "function call": _response(output=[_call("function_call", arguments="{}")]),
        "custom call": _response(output=[_call("custom_tool_call", input="x")]),
        "failed": _response(status="failed", error={"code": "server_error", "message": "m"}),
        "incomplete": _response(
            status="incomplete", incomplete_details={"reason": "content_filter"}
        ),
        "internal error": [errors.internal_error()],
        "refused frame": [errors.RefusalError("m", "invalid_json").event],
        "end of the connection": [_end_of_connection()],
        "heartbeat": [heartbeat.heartbeat_event(0), *answers.warm_up_events("resp_1", "m")],
        "refused handshake": [refusals.refusal_from(HTTPException(403, "not this route")).event],
        "limit": [limit],
        "LiteLLM's error": [http_errors.error_event_from(400, {"message": _WRAPPED})],
        "error without words": [http_errors.error_event_from(500, None)],
        "steering refused": [_aside(**steer), *answers.warm_up_events("resp_1", "m")],
        "event refused": [
            _aside(type="session.update"),
            *answers.warm_up_events("resp_1", "m"),
        ],
    }
