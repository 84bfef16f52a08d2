"""Error events of the Responses WebSocket protocol, and the refusals that carry them (pure).

An `error` event without an integer `status` is invisible to Codex: it waits for its idle timeout
of 300 s. Status 400 ends the turn at once; 401, 403 and 404 send Codex into its retry ladder
although no retry can help, so every client error but 429 is told as 400 and keeps its own code.
"""

import json
from typing import Any


def status_for_client(status: int) -> int:
    """Return the status the client is told for an HTTP status."""
    if status == 429 or 500 <= status <= 599:
        return status
    return 400 if 400 <= status <= 499 else 500


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


def error_event_from(status: int, error: Any) -> dict[str, Any]:
    """Return the event for an HTTP status and what an `error` member (or a whole body) held."""
    fields = error if isinstance(error, dict) else {"message": error}
    message = fields.get("message") or fields.get("detail") or "The request failed."
    code = fields.get("code")
    error_type = fields.get("type")
    param = fields.get("param")
    # Some releases tell a spent budget as 429; unlike a rate limit it does not pass by waiting.
    told = 400 if error_type == "budget_exceeded" else status_for_client(status)
    return error_event(
        told,
        message if isinstance(message, str) else json.dumps(message),
        code=str(status) if code is None else str(code),
        error_type=error_type
        if isinstance(error_type, str) and error_type not in ("error", "None")
        else ("invalid_request_error" if told < 500 else "server_error"),
        param=param if isinstance(param, str) and param != "None" else None,
    )


def error_event_from_body(status: int, body: bytes) -> dict[str, Any]:
    """Return the event for an HTTP answer that is not 200, whatever its body."""
    try:
        answer = json.loads(body)
    except ValueError:
        return error_event_from(status, body[:500].decode("utf-8", "replace").strip())
    if isinstance(answer, dict):
        return error_event_from(status, answer.get("error") or answer)
    return error_event_from(status, None)


_STATUS_BY_CODE = {
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "internal_error": 500,
    "timeout": 504,
}


def error_event_from_stream(event: dict[str, Any], http_status: int = 200) -> dict[str, Any]:
    """Return the event for an error told inside a stream whose own status was `http_status`.

    Three shapes occur: LiteLLM's `{"error": {...}}`, OpenAI's flat `error` event of HTTP streams
    (`code`, `message`, `param` beside `type`), and the WebSocket's own with a `status`.
    """
    inner = event.get("error")
    fields = (
        inner
        if isinstance(inner, dict)
        else {**event, "type": None, "message": event.get("message") or inner}
    )
    status = event.get("status")
    if not isinstance(status, int) or isinstance(status, bool):
        code = str(fields.get("code") or fields.get("type") or "")
        if code.isdigit() and 400 <= int(code) <= 599:
            status = int(code)
        elif code.startswith(("invalid_", "context_length", "model_", "missing_", "unsupported_")):
            status = 400
        else:
            status = _STATUS_BY_CODE.get(code, 500 if http_status == 200 else http_status)
    return error_event_from(status, fields)


_LOST_IDENTITY = {"auth_error", "expired_key", "token_not_found_in_db"}


def is_lost_identity(status: int, event: dict[str, Any]) -> bool:
    """Tell whether an HTTP refusal means that the connection's key is no longer good.

    LiteLLM answers 401 for a key that expired or was blocked, but also for a key that may not use
    one model and for a provider that refused LiteLLM's own key; those leave the connection usable.
    """
    return status == 401 and event["error"]["type"] in _LOST_IDENTITY
