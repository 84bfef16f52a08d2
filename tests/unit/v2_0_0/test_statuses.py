"""The status of an error event."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.statuses import is_lost_identity, status_for_client
from support import statuses


@pytest.mark.parametrize("status", statuses.STATUSES)
def test_a_status_passes_as_it_is(status):
    """A provider's error status stays, so that Codex retries as over HTTP."""
    assert status_for_client(status, None, from_provider=True) == status
    assert status_for_client(status, "auth_error", from_provider=True) == status


def test_the_docs_say_what_is_told():
    """docs/statuses.md has the code's status for each HTTP status."""
    told, _ = statuses.read()
    assert told == {
        status: status_for_client(status, None, from_provider=True) for status in statuses.STATUSES
    }


def test_a_turn_ends_over_websocket_as_it_does_over_http():
    """In docs/statuses.md each turn ends over WebSocket as over HTTP."""
    _, cells = statuses.read()
    assert len(cells) == len(statuses.STATUSES) * len(statuses.VERSIONS) * 4
    for (status, version, way, kind), cell in cells.items():
        over_http = cells[status, version, "HTTP", kind]
        assert cell.split(",")[0] == over_http.split(",")[0], (status, version, way, kind)


@pytest.mark.parametrize("status", [0, 200, 302, 600])
def test_what_is_no_error_s_status_is_told_as_500(status):
    """A status that is no error's becomes 500, since Codex ignores an event with 200."""
    assert status_for_client(status, None, from_provider=True) == 500


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (401, "auth_error", 400),
        (401, "key_model_access_denied", 400),
        (403, "team_model_access_denied", 400),
        (403, "None", 400),  # such as another user's response
        (429, "budget_exceeded", 400),
        (404, None, 404),
        (408, None, 408),
        (429, "auth_error", 429),
        (500, "auth_error", 500),
        (503, "no_db_connection", 503),
        (401, ["auth_error"], 400),
    ],
)
def test_what_litellm_refuses_itself_provokes_no_retry(status, kind, told):
    """LiteLLM's own refusal of a key, model or budget becomes 400, which Codex does not retry."""
    assert status_for_client(status, kind, from_provider=False) == told


@pytest.mark.parametrize(
    ("status", "kind", "lost"),
    [
        (401, "auth_error", True),
        (401, "expired_key", True),
        (401, "key_model_access_denied", False),
        (401, "team_model_access_denied", False),
        (401, "authentication_error", False),
        (401, None, False),
        (400, "budget_exceeded", False),
        (403, "auth_error", False),
    ],
)
def test_only_a_lost_identity_ends_the_connection(status, kind, lost):
    """Only a lost identity ends the connection, not a forbidden model."""
    assert is_lost_identity(status, kind) is lost
