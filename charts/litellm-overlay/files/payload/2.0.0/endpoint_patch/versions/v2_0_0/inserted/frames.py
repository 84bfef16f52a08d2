"""What a client may say: one WebSocket message in, one `Create` or a refusal out (pure)."""

import contextlib
import gc
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from .bounds import SMALL_BYTES
from .errors import RefusalError
from .reading import JsonObject, Unread, read

_MODEL = re.compile(r'[^\x00-\x1f\x7f"\\\ud800-\udfff]{1,256}')
_STREAM_ID = re.compile(r"[A-Za-z0-9_.-]{1,256}")
# What belongs to the WebSocket envelope and means nothing to POST /v1/responses.
_ENVELOPE = ("type", "event_id", "stream_id", "response", "generate")
_OURS = ("model", "stream", "previous_response_id")  # checked or changed before they are sent


@dataclass(frozen=True)
class Create:
    """One `response.create`: the body that POST /v1/responses would get, and its envelope.

    `texts` holds the JSON of large values as it was read, so that nobody encodes it again;
    what is `Unread` in the body stands there.
    """

    body: dict[str, Any]
    stream_id: str | None
    warm_up: bool
    texts: dict[str, str] = field(default_factory=dict)
    size: int = 0  # bytes of the message


@dataclass(frozen=True)
class ControlEvent:
    """A well-formed event that starts no turn; whatever runs, it is answered at once."""

    event: dict[str, Any]
    stream_id: str | None

    @property
    def kind(self) -> str:
        """Its `type`."""
        kind: str = self.event["type"]
        return kind

    def cancels(self, running: Collection[str] | None) -> bool:
        """Tell whether it cancels its lane's running response, of these ids; None: none runs."""
        if self.kind != "response.cancel" or running is None:
            return False
        response_id = self.event.get("response_id")
        return response_id is None or (isinstance(response_id, str) and response_id in running)


# A refusal waits in its lane as a turn does: its frame may have been meant as a turn.
Frame = Create | RefusalError
Message = Frame | ControlEvent | None  # None: to be ignored


@contextlib.contextmanager
def _uncollected(size: int) -> Iterator[None]:
    """Keep the garbage collector from walking a large message's objects while they are made."""
    pause = size > SMALL_BYTES and gc.isenabled()
    if pause:
        gc.disable()
    try:
        yield
    finally:
        if pause:
            gc.enable()


def is_safe_model_name(value: Any) -> bool:
    """Tell whether a value may stand as a model: plain text that no string formatting can break."""
    return isinstance(value, str) and _MODEL.fullmatch(value) is not None and value == value.strip()


def size_in_bytes(raw: str | bytes) -> int:
    """Return how many bytes a message is, as text or not."""
    if isinstance(raw, bytes) or raw.isascii():
        return len(raw)
    return len(raw.encode("utf-8", "replace"))


def parse_message(raw: str | bytes, size: int, max_size: int, default_model: str | None) -> Message:
    """Return what a message of `size` asks for, or its refusal, or None for one to be ignored."""
    if size > max_size:  # not even looked into
        message = f"The message is larger than {max_size} bytes."
        return RefusalError(message, "message_too_large", close=1009)
    with _uncollected(size):
        try:
            return parse(raw, default_model)
        except RefusalError as refusal:  # the traceback would keep the whole message alive
            refusal.__context__ = None
            return refusal.with_traceback(None)


def parse(raw: str | bytes, default_model: str | None) -> Create | ControlEvent | None:
    """Return what a message asks for, or None for one to be ignored; raises RefusalError."""
    event = read(raw)
    if event.repeated or (event.nested is not None and event.nested.repeated):
        raise RefusalError("A key of the message is given twice.", "duplicate_key")
    stream_id = event.members.get("stream_id")
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
    message: JsonObject, stream_id: str | None, default_model: str | None
) -> Create | ControlEvent | None:
    event = message.members
    kind = event.get("type")
    if kind == "response.processed":  # some Codex releases acknowledge so; nothing is asked
        return None
    if kind != "response.create" and isinstance(kind, str) and kind:
        return ControlEvent(event, stream_id)
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
    warm_up = merged.get("generate") is False
    return Create(
        body, stream_id, warm_up, _large_texts(message, body), size_in_bytes(message.text)
    )


def _is_input(value: Any) -> bool:
    if isinstance(value, Unread):
        return value.is_array  # of what, LiteLLM sees
    if isinstance(value, list):
        return set(map(type, value)) <= {dict}
    return value is None or isinstance(value, str)


def _large_texts(message: JsonObject, body: dict[str, Any]) -> dict[str, str]:
    """Return the text of each large value that stands in `body` as it was read.

    Left out is what may hold a half of a surrogate pair, which no provider can read.
    """
    texts: dict[str, str] = {}
    for part in (message, message.nested or JsonObject("")):
        for name, place in part.places.items():
            is_large = place.stop - place.start > SMALL_BYTES
            member = part.members[name]
            if is_large and body.get(name) is member and name not in _OURS:
                text = part.text[place]
                if isinstance(member, Unread) or ("\\ud" not in text and "\\uD" not in text):
                    texts[name] = text
    return texts


def _model(flat: Any, nested: Any, default: str | None) -> str:
    """Return the one model a message names: what is authorised must be what is sent."""
    named = [model for model in (nested, flat) if model is not None] or [default]
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
