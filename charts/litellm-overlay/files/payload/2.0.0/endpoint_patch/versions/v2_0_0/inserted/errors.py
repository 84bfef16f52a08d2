"""Error events of the Responses WebSocket protocol, and the refusals that carry them (pure).

An `error` event without an integer `status` is invisible to Codex, which then waits for its idle
timeout of 300 s; one without a `sequence_number` breaks the Vercel AI SDK.
"""

from typing import Any


def error_event(  # noqa: PLR0913 - the members of an event, by name
    status: int,
    message: str,
    *,
    code: str | None = None,
    error_type: str = "invalid_request_error",
    param: str | None = None,
    details: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one OpenAI-shaped `error` event; `details` are further members of its `error`."""
    fields = {"type": error_type, "code": code, "message": message, "param": param}
    error = {**(details or {}), **fields}
    return {"type": "error", "status": status, "sequence_number": 0, "error": error}


def internal_error() -> dict[str, Any]:
    """Return the event for a fault of the proxy's or of ours."""
    message = "Internal server error."
    return error_event(500, message, code="internal_error", error_type="server_error")


class RefusalError(Exception):
    """A client frame that starts no turn: the event to send, and the close code if that follows."""

    def __init__(
        self,
        message: str,
        code: str,
        param: str | None = None,
        *,
        close: int | None = None,
        stream_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.event = error_event(400, message, code=code, param=param)
        self.close = close
        self.stream_id = stream_id
