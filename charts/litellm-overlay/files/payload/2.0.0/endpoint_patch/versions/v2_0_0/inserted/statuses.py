"""Choose the `status` of an error event, so that Codex reacts as over HTTP (pure).

Codex ends a turn at once for 400 and 429 and retries after every other status, over HTTP and over
WebSocket alike (docs/statuses.md; a test compares the two). So a status is passed on unchanged. One
exception: where LiteLLM itself refuses the key, its model or its budget, retries are useless and
would take Codex 13 seconds.
"""

_LOST_IDENTITY = frozenset({"auth_error", "expired_key", "token_not_found_in_db"})


def status_for_client(status: int, error_type: object, *, from_provider: bool) -> int:
    """Return the status to tell for an HTTP status and LiteLLM's own `type` of the error.

    `from_provider`: a provider's error or a failed call, not a refusal on LiteLLM's own account.
    """
    if not 400 <= status <= 599:
        return 500  # no status of an error: Codex would not take the event for one
    if error_type == "budget_exceeded" and status < 500:  # some releases tell it as 429
        return 400
    return 400 if status in (401, 403) and not from_provider else status


def is_lost_identity(status: int, error_type: object) -> bool:
    """Tell whether an HTTP refusal means that the connection's key is no longer good.

    LiteLLM answers 401 for a key that expired or was blocked, but also for a key that may not use
    one model and for a provider that refused LiteLLM's own key; those leave the connection usable.
    """
    return status == 401 and isinstance(error_type, str) and error_type in _LOST_IDENTITY
