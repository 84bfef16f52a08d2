"""Why a handshake is refused, and whether the client may be told by an event (pure).

Only a client whose key LiteLLM knows is accepted to be told; others never get a connection.
"""

import re
from dataclasses import dataclass
from typing import Any

from .errors import error_event
from .http_errors import exception_error, http_error_in

# LiteLLM's type of an error, where it names what is wrong with a key that it has found.
_REASON_BY_TYPE = {"budget_exceeded": "budget", "expired_key": "expired"}
# Its words for the rest, which has the type of an unknown key. The key, its team or its project.
_BLOCKED = re.compile(r"Authentication Error, (Key|Team=\S+|Project=\S+) is blocked\b")


@dataclass(frozen=True)
class Refusal:
    """One of a closed set of reasons; the event that says it in LiteLLM's own words.

    The reasons: origin, model, key (missing, malformed or unknown), limit, fault; and of a key that
    is `known`: budget, expired, blocked, route.
    """

    reason: str
    event: dict[str, Any]
    known: bool = False


def refusal_from(error: Exception) -> Refusal:
    """Return what an exception of LiteLLM's check of keys means."""
    event = exception_error(error)
    http_error = http_error_in(error)
    if event is None or http_error is None or http_error[0] >= 500:
        message = "The key could not be checked."
        return Refusal("fault", event or error_event(500, message, error_type="server_error"))
    status, raised = http_error
    kind = getattr(raised, "type", None)
    reason = _REASON_BY_TYPE.get(str(getattr(kind, "value", kind)))
    if reason is None and _BLOCKED.match(event["error"]["message"]):
        reason = "blocked"
    if reason is None and status == 403 and kind is None:
        # Bare, and not in an error of LiteLLM's own, it comes once the key was found.
        reason = "route"
    if reason is None and status == 429:
        return Refusal("limit", event)
    return Refusal(reason or "key", event, known=reason is not None)


def is_about_the_key(error: Exception) -> bool:
    """Tell whether an exception of LiteLLM's check refuses the key itself.

    A check that fails itself (no database, a bug) or that asks to wait says nothing about the key.
    """
    http_error = http_error_in(error)
    return http_error is not None and http_error[0] != 429 and http_error[0] < 500


def forbidden_origin() -> Refusal:
    """Return the refusal of a web page that may not call this proxy."""
    message = "This proxy's CORS settings do not allow WebSockets from this origin."
    return Refusal("origin", error_event(403, message, code="origin_not_allowed"))


def unusable_model() -> Refusal:
    """Return the refusal of a `?model=` that could break out of where LiteLLM puts it."""
    message = "?model= is no plain model name."
    return Refusal("model", error_event(400, message, code="invalid_model", param="model"))
