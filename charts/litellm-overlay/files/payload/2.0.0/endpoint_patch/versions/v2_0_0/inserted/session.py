"""The pure core of one connection: frame in -> POST body or answer; event out -> remembered."""

import json
import uuid
from typing import Any

from .answers import warm_up_events
from .errors import RefusalError
from .frames import Create
from .memory import LostError, Memory

_WARM_UP_ID = "resp_warmup_"


def dump(value: Any) -> str:
    """Return compact JSON in ASCII, so that any text can be sent, half a surrogate pair too."""
    return json.dumps(value, separators=(",", ":"))


def encode(value: Any) -> bytes:
    """Return compact JSON in UTF-8; refuses half a surrogate pair, which no provider can read."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
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


def joined(*parts: bytes) -> bytes:
    """Return encoded lists without their brackets as one."""
    return b",".join(part for part in parts if part)


def replayed(item: dict[str, Any]) -> dict[str, Any]:
    """Return an output item as a later request carries it back: as it came.

    So OpenAI documents stateless use, so Codex does over HTTP from 0.169 on (older ones drop ids),
    and so LiteLLM finds its own affinity marks in ids. One thing goes: the id of a reasoning item
    without encrypted content, since with `store: false` the provider kept nothing under that id
    and would refuse it.
    """
    if item.get("type") == "reasoning" and not item.get("encrypted_content"):
        return {key: value for key, value in item.items() if key != "id"}
    return item


def _listed(encoded: bytes) -> bytes:
    return encoded[1:-1]


class Turn:
    """One turn on its way: the body to POST, and what of its events must be remembered."""

    def __init__(
        self, memory: Memory, body: bytes, parent: str | None, items: bytes | None
    ) -> None:
        self.body = body
        self._memory = memory
        self._parent = parent
        self._items = items  # None: the provider stores this turn, nothing is kept here
        self._ids: dict[str, None] = {}
        self._output: list[dict[str, Any]] = []

    def observe(self, event: dict[str, Any]) -> None:
        """Take note of one event on its way to the client."""
        if self._items is None:
            return
        kind = event.get("type")
        item = event.get("item")
        if kind == "response.output_item.done" and isinstance(item, dict):
            self._output.append(item)
        response = event.get("response")
        if not isinstance(response, dict):
            return
        if isinstance(response.get("id"), str):
            self._ids[response["id"]] = None
        if kind in ("response.completed", "response.incomplete"):
            output = self._output or response.get("output") or []
            self._remember([replayed(item) for item in output if isinstance(item, dict)])

    def _remember(self, output: list[dict[str, Any]]) -> None:
        try:
            # In ASCII, unlike the input: what came so from the provider can go back to it.
            encoded = json.dumps(output, allow_nan=False).encode()
        except ValueError:  # NaN is not JSON and could not be sent
            for response_id in self._ids:
                self._memory.lose(response_id)
            return
        parent, items = self._parent, joined(self._items or b"", _listed(encoded))
        for response_id in self._ids:
            self._memory.remember(response_id, parent, items)
            parent, items = response_id, b""  # another id of the same response adds nothing


class Session:
    """What one connection remembers between its turns."""

    def __init__(self, max_bytes: int, max_turns: int) -> None:
        self._memory = Memory(max_bytes, max_turns)

    def begin(self, create: Create) -> Turn | list[dict[str, Any]]:
        """Return the turn to run, or the events that answer a warm-up; raises RefusalError."""
        body = dict(create.body)
        parent: str | None = body.get("previous_response_id")
        new = _listed(encode(input_items(body.get("input"))))
        history, root = self._history(parent)
        if create.warm_up:
            response_id = _WARM_UP_ID + uuid.uuid4().hex
            self._memory.remember(response_id, parent, new)
            return warm_up_events(response_id, body["model"])
        items = new if body.get("store") is False else None
        if root == parent:  # nothing of ours to send along
            return Turn(self._memory, encode(body), parent, items)
        del body["previous_response_id"]
        if root is not None:
            body["previous_response_id"] = root
        body.pop("input", None)
        # The history goes in as it is kept: it is neither copied item by item nor encoded again.
        text = b'{"input":[' + joined(*history, new) + b"]," + encode(body)[1:]
        return Turn(self._memory, text, parent, items)

    def _history(self, parent: str | None) -> tuple[list[bytes], str | None]:
        """Return what is remembered up to `parent`, and the id before it that is not ours."""
        if parent is None:
            return [], None
        try:
            history, root = self._memory.history(parent)
        except LostError:
            raise self._not_found(parent) from None
        if root is not None and root.startswith(_WARM_UP_ID):
            raise self._not_found(parent)  # of another connection: no provider knows it
        return history, root

    @staticmethod
    def _not_found(response_id: str) -> RefusalError:
        return RefusalError(
            f"Previous response with id '{response_id}' not found.",
            "previous_response_not_found",
            "previous_response_id",
        )
