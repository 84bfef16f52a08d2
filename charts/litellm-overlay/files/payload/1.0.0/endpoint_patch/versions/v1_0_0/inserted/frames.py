"""What a client may say: one WebSocket message in, one `Create` or a refusal out (pure)."""

import json
import re
from dataclasses import dataclass
from typing import Any

from .errors import RefusalError

_MODEL = re.compile(r'[^\x00-\x1f\x7f"\\\ud800-\udfff]{1,256}')
# Another JSON reader gets the same text: one that ignores case must read the same values.
_READ_HERE = ("type", "model", "response")


@dataclass(frozen=True)
class Create:
    """One `response.create`: its model, and the text that goes on to LiteLLM's own handler."""

    model: str
    text: str


class _Repeated(dict[str, Any]):
    """A JSON object that named some key twice: readers may disagree on which one counts."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else _Repeated(plain)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _load(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RefusalError("The message is not valid JSON.", "invalid_json") from None


def _text(raw: str | bytes, max_bytes: int) -> str:
    size = (
        len(raw) if isinstance(raw, bytes) or raw.isascii() else len(raw.encode(errors="replace"))
    )
    if size > max_bytes:
        raise RefusalError(
            f"The message is larger than {max_bytes} bytes.", "message_too_large", close=1009
        )
    try:
        return raw if isinstance(raw, str) else raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusalError("The message is not valid JSON.", "invalid_json") from None


def _is_ambiguous(part: dict[str, Any]) -> bool:
    return isinstance(part, _Repeated) or any(
        key not in _READ_HERE and key.casefold() in _READ_HERE for key in part
    )


def is_safe_model_name(value: Any) -> bool:
    """Tell whether a value may stand as a model: plain text that no string formatting can break."""
    return isinstance(value, str) and _MODEL.fullmatch(value) is not None and value == value.strip()


def parse(raw: str | bytes, default_model: str | None, max_bytes: int) -> Create | None:
    """Return what a message asks for, or None for one to be ignored; raises RefusalError."""
    text = _text(raw, max_bytes)
    event = _load(text)
    if not isinstance(event, dict):
        raise RefusalError("The message must be a JSON object.", "invalid_type")
    nested = event.get("response")
    if nested is not None and not isinstance(nested, dict):
        raise RefusalError("'response' must be an object.", "invalid_type", "response")
    if _is_ambiguous(event) or _is_ambiguous(nested or {}):
        raise RefusalError("A key of the message is given twice.", "duplicate_key")
    kind = event.get("type")
    if kind == "response.processed":  # some Codex releases acknowledge so; nothing is asked
        return None
    if kind != "response.create":
        raise RefusalError("Expected an event of type 'response.create'.", "unknown_event", "type")
    named = [part["model"] for part in (nested or {}, event) if part.get("model") is not None]
    model = _model(named or [default_model])
    if named:
        return Create(model, text)
    (nested or event)["model"] = model
    return Create(model, json.dumps(event))


def _model(named: list[Any]) -> str:
    """Return the one model a message names: what is authorised must be what is sent."""
    if named[0] is None:
        raise RefusalError(
            "Missing required parameter: 'model'.", "missing_required_parameter", "model"
        )
    if not all(is_safe_model_name(model) for model in named):
        raise RefusalError("'model' must be a plain, non-empty string.", "invalid_value", "model")
    if len(set(named)) > 1:
        raise RefusalError("The message names two different models.", "ambiguous_model", "model")
    model: str = named[0]
    return model
