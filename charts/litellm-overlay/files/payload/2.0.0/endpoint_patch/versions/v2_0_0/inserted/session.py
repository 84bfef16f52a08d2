"""The pure core of one connection: frame in -> POST body or answer; event out -> remembered."""

import contextlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

from .answers import warm_up_events
from .errors import RefusalError
from .frames import Create
from .memory import LostError, Memory
from .provider import NOBODY, Provider

_WARM_UP_ID = "resp_warmup_"


_PLAIN = json.JSONEncoder(separators=(",", ":"))
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def dump(value: Any) -> str:
    """Return compact JSON in ASCII, so that any text can be sent, half a surrogate pair too."""
    return _PLAIN.encode(value)


def encode(value: Any) -> bytes:
    """Return compact JSON in UTF-8; refuses half a surrogate pair, which no provider can read."""
    return _utf8(_ENCODER.encode(value))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        message = "The message holds a character that UTF-8 cannot encode."
        raise RefusalError(message, "invalid_json") from None


def input_items(value: Any) -> list[Any]:
    """Return a request's `input` as items; a plain string is one user message."""
    if isinstance(value, str):
        content = [{"type": "input_text", "text": value}]
        return [{"type": "message", "role": "user", "content": content}]
    return value or []


def join_lists(*parts: bytes) -> bytes:
    """Return encoded lists without their brackets as one."""
    return b",".join(part for part in parts if part)


def as_input_item(item: dict[str, Any], provider: Provider = NOBODY) -> dict[str, Any]:
    """Return an output item as a later request sends it back: unchanged.

    OpenAI documents stateless use so, Codex does it over HTTP from 0.169 on (older ones drop ids),
    and LiteLLM finds its own affinity marks in ids. One exception, where OpenAI or Azure answered:
    a reasoning item without encrypted content loses its id, since they store nothing under it and
    would refuse it. Other providers require the id.
    """
    unsealed = item.get("type") == "reasoning" and not item.get("encrypted_content")
    if unsealed and provider.is_openai:
        return {key: value for key, value in item.items() if key != "id"}
    return item


def not_found(response_id: str) -> RefusalError:
    """Return the refusal of a turn whose conversation is not known."""
    return RefusalError(
        f"Previous response with id '{response_id}' not found.",
        "previous_response_not_found",
        "previous_response_id",
    )


def _listed(encoded: bytes) -> bytes:
    return encoded[1:-1]


@dataclass(frozen=True)
class Continuation:
    """What a turn adds to which conversation."""

    items: bytes  # its input, as JSON, separated by commas
    parent: str | None  # the response that it continues
    root: str | None  # the id that LiteLLM is asked for, since it is not ours
    may_be_stored: bool  # it does not say `store: false`


def new_items(create: Create) -> bytes:
    """Return the items of a turn's input, encoded, without the brackets around them."""
    input_value = create.body.get("input")
    if not isinstance(input_value, str) and "input" in create.texts:
        return _utf8(create.texts["input"])[1:-1].strip()
    return _listed(encode(input_items(input_value)))


def encode_body(body: dict[str, Any], texts: dict[str, str]) -> bytes:
    """Return a body as JSON, with those of its values that are texts as they are."""
    small = {name: value for name, value in body.items() if name not in texts}
    large = [
        b"%b:%b," % (encode(name), _utf8(text)) for name, text in texts.items() if name in body
    ]
    return b"{" + b"".join(large) + encode(small)[1:]


class Turn:
    """One turn on its way: the body to POST, and what of its events must be remembered."""

    def __init__(self, memory: Memory, body: bytes, added: Continuation) -> None:
        self.body = body
        self.added = added
        self._memory = memory
        self._ids: dict[str, None] = {}
        self._output: list[dict[str, Any]] = []

    def take_body(self) -> bytes:
        """Return the body and drop it here, so that its memory is free while the turn runs."""
        body, self.body = self.body, b""
        return body

    def observe(self, event: dict[str, Any], provider: Provider = NOBODY) -> None:
        """Take note of one event on its way to the client, and of who answers."""
        kind = event.get("type")
        item = event.get("item")
        if kind == "response.output_item.done" and isinstance(item, dict):
            self._output.append(item)
        response = event.get("response")
        if not isinstance(response, dict):
            return
        if isinstance(response.get("id"), str):
            self._ids[response["id"]] = None
        if response.get("status") == "cancelled":  # nobody knows how much was said
            return
        if kind in ("response.completed", "response.incomplete"):
            if self.added.may_be_stored and response.get("store") is True:
                return  # the provider has it, and is asked by id: as over HTTP
            output = self._output or response.get("output") or []
            items = [item for item in output if isinstance(item, dict)]
            self._remember([as_input_item(item, provider) for item in items])

    def _remember(self, output: list[dict[str, Any]]) -> None:
        try:
            # In ASCII, unlike the input: what came so from the provider can go back to it.
            encoded = json.dumps(output, allow_nan=False).encode()
        except ValueError:  # NaN is not JSON and could not be sent
            for response_id in self._ids:
                self._memory.evict(response_id)
            return
        parent, items = self.added.parent, join_lists(self.added.items, _listed(encoded))
        for response_id in self._ids:
            self._memory.remember(response_id, parent, items)
            parent, items = response_id, b""  # another id of the same response adds nothing


class Session:
    """What one connection remembers between its turns."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def body_size(self, create: Create) -> int:
        """Return about how many bytes the body of a turn will be, before it is built."""
        return create.size + self._memory.length(create.body.get("previous_response_id"))

    def pinned(self, create: Create) -> contextlib.AbstractContextManager[None]:
        """Keep what a turn continues while it waits and runs."""
        return self._memory.pinned(create.body.get("previous_response_id"))

    def close(self) -> None:
        """Forget everything."""
        self._memory.clear()

    def begin(self, create: Create) -> Turn | list[dict[str, Any]]:
        """Return the turn to run, or the events that answer a warm-up; raises RefusalError."""
        body = dict(create.body)
        parent: str | None = body.get("previous_response_id")
        new = new_items(create)
        history, root = self._history(parent)
        if create.warm_up:
            response_id = _WARM_UP_ID + uuid.uuid4().hex
            self._memory.remember(response_id, parent, new)
            return warm_up_events(response_id, body["model"])
        added = Continuation(new, parent, root, body.get("store") is not False)
        if root == parent:  # nothing of ours to send along
            return Turn(self._memory, encode_body(body, create.texts), added)
        del body["previous_response_id"]
        if root is not None:
            body["previous_response_id"] = root
        body.pop("input", None)
        # The history goes in as it is kept: it is neither copied item by item nor encoded again.
        pieces = [piece for part in (*history, new) if part for piece in (b",", part)]
        rest = encode_body(body, create.texts)[1:]
        text = b"".join((b'{"input":[', *pieces[1:], b"],", rest))
        return Turn(self._memory, text, added)

    def _history(self, parent: str | None) -> tuple[list[bytes], str | None]:
        """Return what is remembered up to `parent`, and the id before it that is not ours."""
        if parent is None:
            return [], None
        try:
            history, root = self._memory.history(parent)
        except LostError:
            raise not_found(parent) from None
        if root is not None and root.startswith(_WARM_UP_ID):
            raise not_found(parent)  # of another connection: no provider knows it
        return history, root
