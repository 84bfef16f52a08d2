"""What a client may say: one WebSocket message in, one `Create` or a refusal out (pure)."""

import json
import re
from dataclasses import dataclass
from typing import Any

from .errors import RefusalError

_MODEL = re.compile(r'[^\x00-\x1f\x7f"\\\ud800-\udfff]{1,256}')
_STREAM_ID = re.compile(r"[A-Za-z0-9_.-]{1,256}")
# What belongs to the WebSocket envelope and means nothing to POST /v1/responses.
_ENVELOPE = ("type", "event_id", "stream_id", "response", "generate")


@dataclass(frozen=True)
class Create:
    """One `response.create`: the body that POST /v1/responses would get, and its envelope."""

    body: dict[str, Any]
    stream_id: str | None
    warm_up: bool


class _Repeated(dict[str, Any]):
    """A JSON object that named some key twice: readers may disagree on which one counts."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else _Repeated(plain)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is out of range")
    return number


def _load(raw: str | bytes) -> Any:
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError):
        raise RefusalError("The message is not valid JSON.", "invalid_json") from None


def is_model_name(value: Any) -> bool:
    """Tell whether a value may stand as a model: plain text that no string formatting can break."""
    return isinstance(value, str) and _MODEL.fullmatch(value) is not None and value == value.strip()


def parse(raw: str | bytes, default_model: str | None) -> Create | None:
    """Return the turn a message asks for, or None for one to be ignored; raises RefusalError."""
    event = _load(raw)
    if not isinstance(event, dict):
        raise RefusalError("The message must be a JSON object.", "invalid_type")
    if isinstance(event, _Repeated) or isinstance(event.get("response"), _Repeated):
        raise RefusalError("A key of the message is given twice.", "duplicate_key")
    stream_id = event.get("stream_id")
    if stream_id is not None and not (
        isinstance(stream_id, str) and _STREAM_ID.fullmatch(stream_id)
    ):
        raise RefusalError(
            "'stream_id' must be 1 to 256 letters, digits, '_', '.' or '-'.",
            "invalid_stream_id",
            "stream_id",
        )
    try:
        return _create(event, stream_id, default_model)
    except RefusalError as refusal:
        refusal.stream_id = stream_id
        raise


def _create(
    event: dict[str, Any], stream_id: str | None, default_model: str | None
) -> Create | None:
    kind = event.get("type")
    if kind == "response.processed":  # some Codex releases acknowledge so; nothing is asked
        return None
    if kind != "response.create":
        raise RefusalError("Expected an event of type 'response.create'.", "unknown_event", "type")
    nested = event.get("response")
    if nested is not None and not isinstance(nested, dict):
        raise RefusalError("'response' must be an object.", "invalid_type", "response")
    merged = {**event, **(nested or {})}
    body = {key: value for key, value in merged.items() if key not in _ENVELOPE}
    body["model"] = _model(event.get("model"), (nested or {}).get("model"), default_model)
    if body.get("background"):
        raise RefusalError(
            "Background responses are not supported over WebSocket.",
            "unsupported_parameter",
            "background",
        )
    body.pop("background", None)
    previous = body.get("previous_response_id")
    if previous is not None and not isinstance(previous, str):
        raise RefusalError(
            "'previous_response_id' must be a string.", "invalid_type", "previous_response_id"
        )
    if not _is_input(body.get("input")):
        raise RefusalError(
            "'input' must be a string or an array of objects.", "invalid_type", "input"
        )
    body["stream"] = True
    return Create(body, stream_id, merged.get("generate") is False)


def _is_input(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, dict) for item in value)
    return value is None or isinstance(value, str)


def _model(flat: Any, nested: Any, default: str | None) -> str:
    """Return the one model a message names: what is authorised must be what is sent."""
    named = [model for model in (nested, flat) if model is not None] or [default]
    if named[0] is None:
        raise RefusalError(
            "Missing required parameter: 'model'.", "missing_required_parameter", "model"
        )
    if not all(is_model_name(model) for model in named):
        raise RefusalError("'model' must be a plain, non-empty string.", "invalid_value", "model")
    if len(set(named)) > 1:
        raise RefusalError("The message names two different models.", "ambiguous_model", "model")
    model: str = named[0]
    return model
