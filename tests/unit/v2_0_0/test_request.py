"""A WebSocket's scope and headers become those of an ordinary HTTP request."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.request import (
    handshake_credential,
    request_headers,
    request_scope,
    subprotocol_to_answer,
)

FIXED = {b"content-type", b"accept", b"content-length"}


def passed(headers):
    """Return the headers that reach the request, without those that every request has."""
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    out = request_headers(encoded, 7)
    assert dict(out)[b"content-length"] == b"7"
    return [(name.decode(), value.decode()) for name, value in out if name not in FIXED]


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer k")],
        [("authorization", "bearer k")],
        [("authorization", "Basic k")],
        [("authorization", "k")],
        [("api-key", "k")],
        [("x-api-key", "k")],
        [("x-goog-api-key", "k")],
        [("ocp-apim-subscription-key", "k")],
        [("x-mine", "Bearer k"), ("authorization", "Bearer idp")],
        [("authorization", "Bearer k"), ("x-litellm-api-key", "Bearer other")],
    ],
)
def test_the_key_passes_as_post_would_get_it(headers):
    """Headers that can carry a key pass unchanged, so LiteLLM reads them in its own order."""
    assert passed(headers) == headers


@pytest.mark.parametrize(
    ("handshake", "as_post"),
    [
        ([("authorization", "Bearer   k ")], [("authorization", "Bearer k")]),
        (
            [("authorization", ""), ("api-key", "k"), ("x-api-key", "")],
            [("api-key", "k")],
        ),
        (
            [("sec-websocket-protocol", "realtime, openai-insecure-api-key.k")],
            [("authorization", "Bearer k")],
        ),
        (
            [("authorization", ""), ("sec-websocket-protocol", "openai-insecure-api-key.k")],
            [("authorization", "Bearer k")],
        ),
        (
            [("x-api-key", "k"), ("sec-websocket-protocol", "openai-insecure-api-key.other")],
            [("x-api-key", "k")],
        ),
        ([("sec-websocket-protocol", "openai-insecure-api-key.")], []),
    ],
)
def test_what_only_sockets_know_becomes_what_post_knows(handshake, as_post):
    """A key in the subprotocol, or after extra spaces, becomes a header that POST accepts."""
    assert passed(handshake) == as_post


@pytest.mark.parametrize(
    ("headers", "key_header", "shown"),
    [
        ([("authorization", "Bearer k")], None, b"Bearer k"),
        ([("authorization", ""), ("api-key", "k")], None, b"k"),
        ([("sec-websocket-protocol", "openai-insecure-api-key.k")], None, b"k"),
        ([("x-mine", "k"), ("authorization", "Bearer idp")], "X-Mine", b"k"),
        ([("authorization", "Bearer idp")], "X-Mine", None),
        ([("cookie", "token=k"), ("x-mine", "k")], None, None),
        ([], None, None),
    ],
)
def test_what_a_client_shows_for_a_key(headers, key_header, shown):
    """The credential is read from LiteLLM's headers or the subprotocol, never from a cookie."""
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    assert handshake_credential(encoded, key_header) == shown


def test_a_cookie_is_never_an_identity():
    """A cookie never reaches the request, since a browser sends it for any page."""
    assert passed([("cookie", "token=sk-1234"), ("authorization", "Bearer k")]) == [
        ("authorization", "Bearer k")
    ]


def test_codex_s_own_headers_pass():
    """Codex's own headers pass, as over HTTP."""
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
        ("x-litellm-trace-id", "session-7"),
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
    """Hop-by-hop headers and ids of a single request are removed."""
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
    """`openai-beta` loses its WebSocket entry, and is removed if nothing is left."""
    assert passed([("openai-beta", value)]) == ([("openai-beta", kept)] if kept else [])


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ([], None),
        ([b"realtime"], "realtime"),
        ([b"openai-insecure-api-key.k, realtime"], "realtime"),
        ([b"openai-insecure-api-key.k"], None),
        ([b"OpenAI-Insecure-API-Key.k, realtime"], "realtime"),
        ([b"OPENAI-INSECURE-API-KEY.k"], None),
        ([b"openai_insecure_api_key.k, openai-insecure-apikey-k"], None),
        ([b"x-api-key.k, Api-Key.k, realtime"], "realtime"),
        ([b"sk-1234, Bearer.k, authorization.sk-1234, eyJhbGciOiJI.k"], None),
        ([b"openai-beta.responses-v1, realtime"], "openai-beta.responses-v1"),
        ([b"task-sketch, eyes"], "task-sketch"),
    ],
)
def test_the_subprotocol_with_the_key_is_never_echoed(offered, answer):
    """A subprotocol with a key is never selected for the response."""
    assert (
        subprotocol_to_answer([(b"sec-websocket-protocol", value) for value in offered]) == answer
    )


def test_the_scope_is_made_by_allow_list():
    """The HTTP scope has only permitted keys of the WebSocket's scope."""
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


def test_a_slash_too_many_is_left_out():
    """A trailing slash is removed, as POST's redirect would do."""
    socket = {"path": "/v1/responses/", "raw_path": b"/v1/responses/"}
    scope = request_scope(socket, {}, [])
    assert (scope["path"], scope["raw_path"]) == ("/v1/responses", b"/v1/responses")
