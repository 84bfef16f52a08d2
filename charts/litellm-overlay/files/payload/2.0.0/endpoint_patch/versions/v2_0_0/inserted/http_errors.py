"""Convert an HTTP error, an error in a stream or an exception to one error event (pure)."""

import json
from collections.abc import Iterable
from typing import Any

from .errors import error_event
from .statuses import is_lost_identity, status_for_client
from .wrapped import is_provider_error, wrapped_error

_NAMED = ("message", "type", "code", "param")
# Headers of a refusal that say when to come again, or which request it was.
_TOLD_HEADERS = (
    "retry-after",
    "x-ratelimit-",
    "x-codex-",
    "x-request-id",
    "x-litellm-call-id",
    "llm_provider-retry-after",
    "llm_provider-x-ratelimit-",
    "llm_provider-x-codex-",
)


def headers_to_tell(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return those of an HTTP answer's headers that its error event must carry, too."""
    named = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
    return {name: value for name, value in named if name.startswith(_TOLD_HEADERS)}


def error_event_from(
    status: int, error: Any, headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the event for an HTTP status and its `error` object, or its whole body.

    `message` stays LiteLLM's. `type`, `code` and `param` are the provider's own where LiteLLM has
    put them into the message. Further members of both are kept.
    """
    outer = error if isinstance(error, dict) else {"message": error}
    inner = wrapped_error(outer.get("message"))
    from_provider = is_provider_error(outer.get("message"))
    client_status = status_for_client(status, outer.get("type"), from_provider=from_provider)
    details = {**inner, **{k: v for k, v in outer.items() if k not in _NAMED and k != "detail"}}
    fallback = "invalid_request_error" if client_status < 500 else "server_error"
    event = error_event(
        client_status,
        _message_of(outer) or "The request failed.",
        code=_text(inner.get("code")) or _text(outer.get("code")) or str(status),
        error_type=_name(inner.get("type")) or _name(outer.get("type")) or fallback,
        param=_name(inner.get("param")) or _name(outer.get("param")),
        details=details,
    )
    return {**event, "headers": headers} if headers else event


def _message_of(message: Any) -> str:
    """Return what a person may read of an error's `message`, or of FastAPI's `detail`."""
    if isinstance(message, str):
        return message
    if isinstance(message, dict):
        for key in ("message", "error", "detail"):
            if key in message:
                return _message_of(message[key])
    return json.dumps(message) if message else ""


def _text(code: Any) -> str | None:
    plain = isinstance(code, str | int) and not isinstance(code, bool)
    return (str(code) or None) if plain and code != "None" else None


def _name(value: Any) -> str | None:
    """Return a name, unless it is one of LiteLLM's ways to say that there is none."""
    return value if isinstance(value, str) and value not in ("", "error", "None") else None


def answer_error(
    status: int, body: bytes, headers: dict[str, Any] | None = None
) -> tuple[dict[str, Any], bool]:
    """Return the event for an HTTP answer that is not 200, and whether it lost the identity."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        error: Any = body[:500].decode("utf-8", "replace").strip()
    else:
        error = (answer.get("error") or answer) if isinstance(answer, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return error_event_from(status, error, headers), is_lost_identity(status, kind)


_LIMITS = ("usage_limit_reached", "usage_not_included", "insufficient_quota")
_STATUS_BY_CODE = {
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "internal_error": 500,
    "timeout": 504,
}


def stream_error(event: dict[str, Any], http_status: int = 200) -> dict[str, Any]:
    """Return the event for an error told inside a stream whose own status was `http_status`.

    Three shapes occur: LiteLLM's `{"error": {...}}`, OpenAI's flat `error` event of HTTP streams
    (`code`, `message`, `param` beside `type`), and the WebSocket's own with a `status`.
    """
    inner = event.get("error")
    headers = event.get("headers")
    if isinstance(inner, dict):
        fields = inner
    else:
        envelope = ("type", "status", "sequence_number", "headers", "error")
        fields = {key: value for key, value in event.items() if key not in envelope}
        fields["message"] = event.get("message") or inner
    status = event.get("status")
    if not isinstance(status, int) or isinstance(status, bool):
        status = _status_of(fields, http_status)
        # Over HTTP Codex tries again after whatever ends a stream; told as 429 it would not.
        if status == 429 and http_status == 200 and fields.get("type") not in _LIMITS:
            status = 503
    return error_event_from(status, fields, headers if isinstance(headers, dict) else None)


def _status_of(fields: dict[str, Any], http_status: int) -> int:
    code = str(fields.get("code") or fields.get("type") or "")
    if code.isdigit() and 400 <= int(code) <= 599:
        return int(code)
    if code.startswith(("invalid_", "context_length", "model_", "missing_", "unsupported_")):
        return 400
    return _STATUS_BY_CODE.get(code, 500 if http_status == 200 else http_status)


def http_error_in(error: BaseException | None) -> tuple[int, BaseException] | None:
    """Return the HTTP error that an application raised, and its status, if it raised one.

    Once a stream has begun LiteLLM raises what it would have answered. Starlette raises its own
    error from it then, and a task group may hold both.
    """
    seen: list[BaseException] = []
    queue = [error] if error else []
    while queue and len(seen) < 20:
        at = queue.pop(0)
        seen.append(at)
        status = _int(getattr(at, "status_code", None))
        if status is None and hasattr(at, "type"):  # LiteLLM's own, with the status as its code
            status = _int(getattr(at, "code", None))
        if status and 400 <= status <= 599:
            return status, at
        behind = [at.__cause__, at.__context__, *getattr(at, "exceptions", ())]
        queue += [each for each in behind if each is not None and each not in seen]
    return None


def exception_error(error: BaseException | None) -> dict[str, Any] | None:
    """Return the event for what an application raised, if it raised an HTTP error."""
    http_error = http_error_in(error)
    return error_event_from(http_error[0], _fields_of(http_error[1])) if http_error else None


def _int(value: Any) -> int | None:
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _fields_of(error: BaseException) -> dict[str, Any]:
    """Return an exception's fields as LiteLLM tells them over HTTP."""
    detail = getattr(error, "detail", None)
    fields = {name: getattr(error, name, None) for name in ("type", "code", "param")}
    fields["message"] = _message_of(detail) or getattr(error, "message", None) or str(error)
    if isinstance(detail, dict):
        fields["provider_specific_fields"] = detail
    return fields
