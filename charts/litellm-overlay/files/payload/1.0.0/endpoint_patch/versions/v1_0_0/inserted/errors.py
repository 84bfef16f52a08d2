"""Error events of the Responses WebSocket protocol, and the refusals that carry them (pure).

An `error` event without an integer `status` is invisible to Codex: it waits for its idle timeout
of 300 s. Status 400 ends the turn at once; 401, 403 and 404 send Codex into its retry ladder
although no retry can help, so every client error but 429 is told as 400 and keeps its own code.
"""

import json
from typing import Any


def error_event(
    status: int,
    message: str,
    *,
    code: str | None = None,
    error_type: str = "invalid_request_error",
    param: str | None = None,
) -> dict[str, Any]:
    """Return one OpenAI-shaped `error` event."""
    return {
        "type": "error",
        "status": status,
        "error": {"type": error_type, "code": code, "message": message, "param": param},
    }


class RefusalError(Exception):
    """A client frame that is not passed on: the event to send, and perhaps a close code."""

    def __init__(
        self,
        message: str,
        code: str,
        param: str | None = None,
        *,
        error_type: str = "invalid_request_error",
        close: int | None = None,
    ) -> None:
        super().__init__(message)
        self.event = error_event(400, message, code=code, error_type=error_type, param=param)
        self.close = close


# LiteLLM's own error events name the exception in their message and carry no status.
_STATUS_BY_TEXT = (
    ("ratelimiterror", 429),
    ("rate limit", 429),
    ("timeout", 504),
    ("serviceunavailable", 503),
    ("internalservererror", 500),
    ("apiconnectionerror", 500),
    ("apierror", 500),
)


def with_status(text: str) -> tuple[str | None, str]:
    """Return the type of a server event and its text, an `error` event with an integer status."""
    try:
        event = json.loads(text)
    except ValueError:
        return None, text
    if not isinstance(event, dict):
        return None, text
    kind = event.get("type")
    if kind != "error" or type(event.get("status")) is int:
        return kind, text
    error = event.get("error")
    lowered = json.dumps(error if error is not None else event).lower()
    event["status"] = next((status for name, status in _STATUS_BY_TEXT if name in lowered), 400)
    if not isinstance(error, dict):  # some clients fall over an error that is plain text
        event["error"] = {"type": "server_error", "message": str(error or "The turn failed.")}
    event["error"].setdefault("code", None)
    event["error"].setdefault("param", None)
    return kind, json.dumps(event)
