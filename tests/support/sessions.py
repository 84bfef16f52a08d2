"""Turns of a session that a test begins and finishes itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from endpoint_patch.versions.v2_0_0.inserted.frames import Create, parse
from endpoint_patch.versions.v2_0_0.inserted.provider import NOBODY
from endpoint_patch.versions.v2_0_0.inserted.session import Session, Turn

if TYPE_CHECKING:
    from endpoint_patch.versions.v2_0_0.inserted.provider import Provider

Json = dict[str, Any]


def item(name: str, **fields: Any) -> Json:
    """Return a user's message."""
    return {"type": "message", "role": "user", "content": name, **fields}


def begin(session: Session, **fields: Any) -> Turn | list[Json]:
    """Begin a turn, with `store: false` by default; return it, or the session's own events."""
    event = {"type": "response.create", "model": "m", "store": False, **fields}
    create = parse(json.dumps(event), None)
    assert isinstance(create, Create)
    return session.begin(create)


def body(turn: Turn | list[Json]) -> Json:
    """Return the JSON body that a turn would POST."""
    assert isinstance(turn, Turn)
    posted: Json = json.loads(turn.body)
    return posted


def finish(
    turn: Turn | list[Json],
    response_id: str,
    *output: Json,
    kind: str = "response.completed",
    created: str | None = None,
    provider: Provider = NOBODY,
    **response: Any,
) -> None:
    """Feed a turn the events of its answer."""
    assert isinstance(turn, Turn)
    # LiteLLM sends `store: true` first for chat completions, whether or not they are stored.
    begun = {"id": created or response_id, "store": True}
    turn.observe({"type": "response.created", "response": begun}, provider)
    for out in output:
        turn.observe({"type": "response.output_item.done", "item": out}, provider)
    ended = {"id": response_id, "output": [], **response}
    turn.observe({"type": kind, "response": ended}, provider)
