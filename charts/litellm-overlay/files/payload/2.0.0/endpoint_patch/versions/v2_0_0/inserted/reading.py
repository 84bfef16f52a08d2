"""A message's JSON, read by hand at the two levels that matter (pure).

C code reads what is below them, without a hook for each object and number: a message of 16 MB holds
millions, and the event loop waits meanwhile. In a large message orjson, which LiteLLM uses as well,
only finds where each large value ends. No Python objects are made of it, since nobody needs them.
"""

import json
import marshal
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .bounds import SMALL_BYTES
from .errors import RefusalError

_MAX_MEMBERS = 1024  # of an object that is read by hand
_WORTH_READING = 1 << 20  # characters of a message that is no object anyway
_FIRST_LOOK = 4096  # characters, in which most values end
_SPACE = re.compile(r"[ \t\n\r]*")
_MORE_FOLLOWS = "unexpected content after document"  # orjson's words for a value that has ended
_INFINITE = tuple(marshal.dumps(sign * float("inf"), 2) for sign in (1, -1))


@dataclass(frozen=True)
class Unread:
    """Stands for a large array or object: its text is known to be JSON, its values are not made."""

    is_array: bool


@dataclass
class JsonObject:
    """An object whose members were read by hand, and where each value stands in `text`."""

    text: str  # of the whole message
    members: dict[str, Any] = field(default_factory=dict)
    places: dict[str, slice] = field(default_factory=dict)
    nested: "JsonObject | None" = None  # its `response`
    repeated: bool = False  # some key stands twice: readers may disagree on which one counts


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_READER = json.JSONDecoder(parse_constant=_no_constant)


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr] # it matches nothing, too


def _mark(text: str, at: int, allowed: str) -> str:
    mark = text[at : at + 1]
    if not mark or mark not in allowed:
        raise ValueError(f"none of {allowed} at {at}")
    return mark


def _is_finite(value: Any) -> bool:
    """Tell whether every number in a JSON value fits into a float.

    Searching the marshalled bytes for infinity is faster than visiting each number.
    """
    dumped = marshal.dumps(value, 2)
    if not any(form in dumped for form in _INFINITE):
        return True
    try:
        json.dumps(value, allow_nan=False)  # a long integer may hold that form
    except ValueError:
        return False
    return True


def _end_of(text: str, start: int, loads: Callable[[str], Any]) -> int | None:
    """Return where the array or object at `start` ends, or None where orjson cannot tell.

    orjson refuses a text in which something follows a value, and says where. By then it has checked
    the whole value, also for numbers out of range and lone surrogates. It gets more text each time,
    so that the cost of many small values does not grow with the text behind them.
    """
    size = _FIRST_LOOK
    while True:
        try:
            loads(text[start : start + size])
        except json.JSONDecodeError as error:
            if error.msg == _MORE_FOLLOWS:
                return start + error.pos
        else:
            return min(start + size, len(text))
        if start + size >= len(text):
            return None
        size *= 4


def _orjson() -> Callable[[str], Any] | None:
    """Return orjson's reader, where it is at hand and tells what is relied on."""
    try:
        from orjson import loads  # noqa: PLC0415
    except ImportError:
        return None
    tells = _end_of('["\u00e9"],"', 0, loads) == len('["\u00e9"]')
    return loads if tells else None


_ORJSON = _orjson()


class _Hand:
    """Reads one message's text."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Python's own reader takes more, but longer. Once orjson did not take a value, as LiteLLM
        # then will not, the message is not given to it again.
        self._orjson = _ORJSON if len(text) > SMALL_BYTES else None

    def whole(self, at: int) -> JsonObject:
        """Read the object that begins at `at`, which nothing follows; raises ValueError."""
        json_object, end = self.object(at, nested=True)
        if _skip(self._text, end) != len(self._text):
            raise ValueError("more text")
        return json_object

    def object(self, at: int, *, nested: bool) -> tuple[JsonObject, int]:
        """Read the object that begins at `at`; return it and where it ends; raises ValueError."""
        text = self._text
        json_object = JsonObject(text)
        at = _skip(text, at + 1)
        mark = _mark(text, at, '"}')
        while mark != "}":
            _mark(text, at, '"')
            key, at = _READER.raw_decode(text, at)
            at = _skip(text, at)
            _mark(text, at, ":")
            start = _skip(text, at + 1)
            if nested and key == "response" and text.startswith("{", start):
                json_object.nested, at = self.object(start, nested=False)
                value: Any = json_object.nested.members
            else:
                value, at = self._value(start)
            json_object.repeated = json_object.repeated or key in json_object.members
            json_object.members[key], json_object.places[key] = value, slice(start, at)
            if len(json_object.members) > _MAX_MEMBERS:
                raise ValueError("too many members")
            at = _skip(text, at)
            mark = _mark(text, at, ",}")
            if mark == ",":
                at = _skip(text, at + 1)
        return json_object, at + 1

    def _value(self, start: int) -> tuple[Any, int]:
        if self._orjson and self._text.startswith(("[", "{"), start):
            end = _end_of(self._text, start, self._orjson)
            if end is not None:
                if end - start > SMALL_BYTES:
                    return Unread(self._text[start] == "["), end
                return self._orjson(self._text[start:end]), end
            self._orjson = None
        value, end = _READER.raw_decode(self._text, start)
        if not _is_finite(value):
            raise ValueError("a number out of range")
        return value, end


def read(raw: str | bytes) -> JsonObject:
    """Return the object that a message is; raises RefusalError."""
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
        start = _skip(text, 0)
        if text.startswith("{", start):
            return _Hand(text).whole(start)
        if len(text) <= _WORTH_READING:  # do not parse more only to refuse it
            json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RefusalError("The message is not valid JSON.", "invalid_json") from None
    raise RefusalError("The message must be a JSON object.", "invalid_type")
