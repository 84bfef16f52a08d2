"""Refuse a client's event that starts no turn and cannot be carried out (pure).

An `error` event would end the turn that runs, or the next one, for a client that iterates over the
connection. So these refusals have event types that no client takes for an end.
"""

from typing import Any

from .frames import ControlEvent

_UNKNOWN = "The event was ignored: expected an event of type 'response.create'."
_NOT_RUNNING = "The event was ignored: no such response is running on this connection and lane."
_NO_STEERING = "Responses cannot be steered here; send the input with the next 'response.create'."


def refused_event(aside: ControlEvent) -> dict[str, Any]:
    """Return the event that says that an event was ignored, and why."""
    event = aside.event
    steer = {name: event.get(name) for name in ("previous_response_id", "input")}
    if aside.kind == "response.steer" and _is_steer(**steer):
        error = {"type": "invalid_request_error", "code": "steering_not_supported"}
        error["message"] = _NO_STEERING
        failure = {"type": "response.steer.failed", "error": error, "steer": steer}
        return {**failure, "sequence_number": 0}
    cancel = aside.kind == "response.cancel"
    return {
        "type": "litellm_overlay.event_refused",
        "sequence_number": 0,
        "event_type": aside.kind[:256],
        "event_id": event.get("event_id") if isinstance(event.get("event_id"), str) else None,
        "code": "response_not_found" if cancel else "unknown_event",
        "message": _NOT_RUNNING if cancel else _UNKNOWN,
        "param": "response_id" if cancel else "type",
    }


def _is_steer(previous_response_id: Any, input: Any) -> bool:  # noqa: A002 - the protocol's name
    return isinstance(previous_response_id, str) and isinstance(input, str | list)
