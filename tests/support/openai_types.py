"""The events of a Responses WebSocket, as openai-python's newest types define them."""

from __future__ import annotations

import typing

from openai.types.responses.responses_server_event import ResponsesServerEvent

if typing.TYPE_CHECKING:
    from pydantic import BaseModel

# Only openai-python can read the discriminator of this union.
_EVENTS: dict[str, type[BaseModel]] = {
    kind: model
    for model in typing.get_args(typing.get_args(ResponsesServerEvent)[0])
    for kind in typing.get_args(model.model_fields["type"].annotation)
}


def check_event(event: dict[str, typing.Any]) -> None:
    """Require an event that openai-python knows, with every field that its type requires.

    It must also have an integer `sequence_number`: the Vercel AI SDK rejects an error event
    without.
    """
    _EVENTS[event["type"]].model_validate(event, strict=True)
    assert type(event["sequence_number"]) is int, event


def is_unknown(kind: str) -> bool:
    """Tell whether openai-python has no event of this type."""
    return kind not in _EVENTS
