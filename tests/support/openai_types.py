"""The events of a Responses WebSocket as openai-python's newest types have them."""

from __future__ import annotations

import typing

from openai.types.responses.responses_server_event import ResponsesServerEvent

if typing.TYPE_CHECKING:
    from pydantic import BaseModel

# The union is annotated with its discriminator in a way that only openai-python reads.
_EVENTS: dict[str, type[BaseModel]] = {
    kind: model
    for model in typing.get_args(typing.get_args(ResponsesServerEvent)[0])
    for kind in typing.get_args(model.model_fields["type"].annotation)
}


def check_event(event: dict[str, typing.Any]) -> None:
    """Require that an event is one that openai-python knows, with all that its type requires.

    Beyond it: an integer `sequence_number`, without which the Vercel AI SDK takes no error event.
    """
    _EVENTS[event["type"]].model_validate(event, strict=True)
    assert type(event["sequence_number"]) is int, event


def is_unknown(kind: str) -> bool:
    """Tell whether openai-python has no event of this type."""
    return kind not in _EVENTS
