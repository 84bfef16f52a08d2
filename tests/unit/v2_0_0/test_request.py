"""A WebSocket's scope and headers become those of one ordinary HTTP request."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.request import (
    request_headers,
    request_scope,
    subprotocol_to_answer,
)

FIXED = {b"content-type", b"accept", b"content-length"}


def passed(headers, key_header=None):
    """Return the headers that reach the request, without those every request has."""
    given = [(name.encode(), value.encode()) for name, value in headers]
    out = request_headers(given, key_header, 7)
    assert dict(out)[b"content-length"] == b"7"
    return [(name.decode(), value.decode()) for name, value in out if name not in FIXED]


@pytest.mark.parametrize(
    "handshake",
    [
        [("authorization", "Bearer k")],
        [("authorization", "Bearer   k ")],
        [("api-key", "k")],
        [("sec-websocket-protocol", "realtime, openai-insecure-api-key.k")],
        [("authorization", ""), ("authorization", "Bearer other"), ("api-key", "k")],
        [
            ("authorization", ""),
            ("api-key", ""),
            ("sec-websocket-protocol", "openai-insecure-api-key.k"),
        ],
        [("authorization", "Bearer k"), ("api-key", "other")],
        [("authorization", "Bearer k"), ("authorization", "Bearer other")],
        [("authorization", "Bearer k"), ("x-litellm-api-key", "Bearer other")],
        [("authorization", "Bearer k"), ("x-api-key", "other"), ("x-goog-api-key", "other")],
        [("authorization", "Bearer k"), ("ocp-apim-subscription-key", "other")],
        [("api-key", "k"), ("sec-websocket-protocol", "openai-insecure-api-key.other")],
    ],
)
def test_the_turn_has_the_identity_of_the_handshake(handshake):
    """Whatever form the key came in, one Authorization header goes on, and no other key."""
    assert passed(handshake) == [("authorization", "Bearer k")]


def test_a_custom_key_header_passes_as_it_is():
    """Where LiteLLM is told to read another header it reads that one, for sockets too."""
    headers = [("x-mine", "Bearer k"), ("authorization", "Bearer idp"), ("api-key", "other")]
    assert passed(headers, "X-Mine") == headers[:2]
    assert passed([("x-api-key", "k"), ("authorization", "Bearer a")], "x-api-key") == [
        ("x-api-key", "k"),
        ("authorization", "Bearer a"),
    ]


def test_codex_s_own_headers_pass():
    """They would reach LiteLLM over HTTP too."""
    own = [
        ("host", "proxy"),
        ("originator", "codex_exec"),
        ("session-id", "s"),
        ("session_id", "s"),
        ("thread-id", "t"),
        ("x-codex-window-id", "w"),
        ("x-codex-turn-metadata", "{}"),
        ("x-client-request-id", "c"),
        ("user-agent", "codex"),
        ("x-litellm-tags", "team-a"),
    ]
    assert passed(own) == own


@pytest.mark.parametrize(
    "name",
    [
        *("connection", "upgrade", "keep-alive", "te", "trailer", "transfer-encoding"),
        *("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"),
        *("accept-encoding", "content-encoding", "expect", "proxy-authorization"),
        *("x-litellm-call-id", "x-request-id", "idempotency-key", "traceparent", "tracestate"),
    ],
)
def test_headers_of_the_connection_or_of_one_request_stop(name):
    """Hop-by-hop headers, and ids that would merge many turns into one."""
    assert passed([(name, "x")]) == []


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("responses_websockets=2026-02-06", None),
        ("responses_websockets", None),
        ("responses_multi_agent=v1", "responses_multi_agent=v1"),
        ("responses_websockets=2026-02-06, a=1 ,b", "a=1, b"),
    ],
)
def test_the_websocket_beta_is_for_websockets_only(value, kept):
    """`openai-beta` loses its WebSocket opt-in, and goes when nothing else is in it."""
    assert passed([("openai-beta", value)]) == ([("openai-beta", kept)] if kept else [])


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ([], None),
        ([b"realtime"], "realtime"),
        ([b"openai-insecure-api-key.k, realtime"], "realtime"),
        ([b"openai-insecure-api-key.k"], None),
    ],
)
def test_the_subprotocol_with_the_key_is_never_echoed(offered, answer):
    """A key must not stand in a response header."""
    assert (
        subprotocol_to_answer([(b"sec-websocket-protocol", value) for value in offered]) == answer
    )


def test_the_scope_is_made_by_allow_list():
    """What only a WebSocket scope holds never reaches the HTTP request."""
    state = {"lifespan": 1}
    socket = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "scheme": "wss",
        "path": "/prefix/v1/responses",
        "raw_path": b"/prefix/v1/responses",
        "root_path": "/prefix",
        "query_string": b"model=m",
        "client": ("10.0.0.9", 4711),
        "server": ("10.0.0.1", 4000),
        "subprotocols": [],
        "endpoint": object(),
        "path_params": {},
        "fastapi_inner_astack": object(),
        "state": {"tracer": "an hour old"},
    }
    scope = request_scope(socket, state, [])
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/prefix/v1/responses",
        "raw_path": b"/prefix/v1/responses",
        "root_path": "/prefix",
        "query_string": b"",
        "headers": [],
        "client": ("10.0.0.9", 4711),
        "server": ("10.0.0.1", 4000),
        "state": {"lifespan": 1},
    }
    scope["state"]["turn"] = 1
    assert state == {"lifespan": 1}
