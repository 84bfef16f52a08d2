"""Exceptions of LiteLLM's key check, as refusals of a handshake."""

import pytest
from fastapi import HTTPException

from endpoint_patch.versions.v2_0_0.inserted.refusals import is_about_the_key, refusal_from
from fakes.proxy_app import KeyRefused

WORDS = "Authentication Error, "


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyRefused(429, "budget_exceeded", "Budget has been exceeded!"), "budget"),
        (KeyRefused(400, "budget_exceeded", "ExceededBudget: User=x over budget"), "budget"),
        (KeyRefused(401, "expired_key", "Authentication Error - Expired Key."), "expired"),
        (KeyRefused(401, "auth_error", WORDS + "Key is blocked. Update via `/key"), "blocked"),
        (KeyRefused(401, "auth_error", WORDS + "Team=t-1 is blocked. Update via"), "blocked"),
        (KeyRefused(401, "auth_error", WORDS + "Project=p is blocked. Update via"), "blocked"),
        (HTTPException(403, "Virtual key is not allowed to call this route."), "route"),
    ],
)
def test_a_key_that_litellm_knows_is_told(error, reason):
    """A refusal of a known key has LiteLLM's message, and status 400, at which Codex stops."""
    refusal = refusal_from(error)
    assert (refusal.reason, refusal.known) == (reason, True)
    assert refusal.event["status"] == 400
    text = getattr(error, "message", None) or error.detail
    assert refusal.event["error"]["message"] == text


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyRefused(401, "auth_error", WORDS + "No api key passed in."), "key"),
        (KeyRefused(401, "auth_error", WORDS + "Malformed API Key passed in."), "key"),
        (KeyRefused(401, "token_not_found_in_db", WORDS + "Invalid proxy server token"), "key"),
        (KeyRefused(401, "auth_error", "Received=sk-Key is blocked, expected"), "key"),
        (KeyRefused(401, "auth_error", WORDS + "Received=Key is blocked"), "key"),
        (KeyRefused(403, "auth_error", "Access forbidden: IP address not allowed."), "key"),
        (KeyRefused(429, "auth_error", "An operator's own check asks to wait."), "limit"),
        (HTTPException(401, "Invalid API key"), "key"),
        (KeyRefused(503, "no_db_connection", "Service Unavailable"), "fault"),
        (HTTPException(500, "broken"), "fault"),
        (ConnectionError("sk-secret"), "fault"),
    ],
)
def test_whoever_shows_no_key_that_litellm_knows_is_not(error, reason):
    """A missing, malformed or unknown key, or a check that cannot run, is no known key."""
    refusal = refusal_from(error)
    assert (refusal.reason, refusal.known) == (reason, False)
    assert "sk-secret" not in str(refusal.event)


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (KeyRefused("401", "auth_error", "x"), True),
        (KeyRefused(403, "auth_error", "x"), True),
        (KeyRefused("400", "budget_exceeded", "x"), True),
        (KeyRefused("429", "budget_exceeded", "x"), False),
        (KeyRefused("503", "no_db_connection", "x"), False),
        (KeyRefused(500, "internal_server_error", "x"), False),
        (HTTPException(403), True),
        (HTTPException(503), False),
        (ConnectionError("no database"), False),
        (RuntimeError("a fault"), False),
    ],
)
def test_only_a_refusal_costs_an_open_connection(error, refused):
    """Only a refusal of the key itself ends an open connection."""
    assert is_about_the_key(error) is refused
