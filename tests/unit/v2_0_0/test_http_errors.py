"""Errors of any shape become an event that clients can read, without loss."""

import json

import pytest

from endpoint_patch.versions.v2_0_0.inserted.http_errors import (
    answer_error,
    exception_error,
    headers_to_tell,
    stream_error,
)

LIMIT = {
    "type": "usage_limit_reached",
    "message": "The usage limit has been reached",
    "plan_type": "pro",
    "resets_at": 1767225600,
    "resets_in_seconds": 3600,
}


def told(status, error, **headers):
    """Return the event for an HTTP response with this status and `error`."""
    return answer_error(status, json.dumps({"error": error}).encode(), headers)[0]


def test_what_an_error_says_is_kept():
    """The four members of an error stay as they are."""
    error = {"message": "no", "type": "t", "code": "c", "param": "p"}
    event = told(400, error)
    assert event == {"type": "error", "status": 400, "sequence_number": 0, "error": error}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The request failed."),
        (b"Bad Gateway", "Bad Gateway"),
        (b'{"detail":"no"}', "no"),
        (b'{"detail":[{"loc":["x"]}]}', '[{"loc": ["x"]}]'),
        (b'{"detail":{"error":"Violated the policy","rule":7}}', "Violated the policy"),
        (b'{"detail":{"error":{"message":"deep"}}}', "deep"),
        (b'{"error":"plain"}', "plain"),
        (b"[1]", "The request failed."),
        (b"[" * 100_000, "[" * 500),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_any_body_becomes_an_error_object(body, message):
    """Any body becomes an error object with a message and a code."""
    event, _ = answer_error(502, body)
    assert (event["type"], event["status"]) == ("error", 502)
    assert event["error"]["message"] == message
    assert event["error"]["code"] == "502"


@pytest.mark.parametrize("form", [json.dumps, str], ids=["JSON", "Python"])
@pytest.mark.parametrize(
    "head",
    [
        "litellm.BadRequestError: OpenAIException - ",
        "litellm.BadRequestError: Hosted_vllmException - ",
        "litellm.BadRequestError: OpenAIException - Error code: 400 - ",
        "litellm.BadRequestError: AzureException BadRequestError - ",
        "litellm.BadRequestError: BedrockException: Rate Limit Error - ",
        "AnthropicException - ",
    ],
)
def test_the_provider_s_own_error_is_taken_out_of_litellm_s_sentence(head, form):
    """The provider's error inside LiteLLM's message gives code and type; the message stays."""
    own = {
        "message": "Previous response with id 'resp_1' not found.",
        "type": "invalid_request_error",
        "param": "previous_response_id",
        "code": "previous_response_not_found",
    }
    after = "Received Model Group=m\nAvailable Model Group Fallbacks={'m': ['n']}"
    message = f"{head}{form({'error': own})}. {after}"
    outer = {"message": message, "type": None, "param": None, "code": "400"}
    assert told(400, outer)["error"] == {**own, "message": message}


@pytest.mark.parametrize(
    "message",
    [
        "litellm.BadRequestError: OpenAIException - {nope",
        "litellm.BadRequestError: OpenAIException - {}",
        "litellm.BadRequestError: OpenAIException - " + "{" * 20_000,
        'The input was {"error": {"message": "m", "code": "mine"}}',
        "litellm.BadRequestError: OpenAIException - {'error': open('/etc/passwd')}",
        "litellm.BadRequestError: OpenAIException - " + "{'a': " * 5_000 + "}" * 5_000,
        "litellm.BadRequestError: OpenAIException - no brace",
    ],
)
def test_a_sentence_without_an_error_in_it_says_what_it_says(message):
    """A message without a provider's error keeps a generic type."""
    error = told(400, {"message": message, "type": "None", "param": "None", "code": "400"})["error"]
    assert error == {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": "400",
    }


def test_a_provider_cannot_speak_for_litellm():
    """A provider's `auth_error` neither ends the connection nor stops a retry."""
    own = json.dumps({"error": {"message": "m", "type": "auth_error", "code": "x"}})
    outer = {"message": f"litellm.AuthenticationError: OpenAIException - {own}", "code": "401"}
    event, lost = answer_error(401, json.dumps({"error": outer}).encode())
    assert (event["status"], lost) == (401, False)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("litellm.AuthenticationError: AuthenticationError: OpenAIException - no", 401),
        ("OpenAIException - no", 401),
        ("Authentication Error, Key is blocked.", 400),
        ("You may not use litellm. It is closed.", 400),
        (None, 400),
    ],
)
def test_a_provider_s_refusal_is_told_from_litellm_s_own(message, status):
    """A provider's 401 stays 401, which clients retry; LiteLLM's own becomes 400."""
    assert told(401, {"message": message, "type": None, "code": "401"})["status"] == status


def test_a_limit_s_details_stay():
    """A limit's details stay, so that Codex can show when it ends."""
    event = told(429, LIMIT, **{"x-codex-primary-used-percent": "100"})
    assert event["error"] == {**LIMIT, "code": "429", "param": None}
    assert event["headers"] == {"x-codex-primary-used-percent": "100"}
    wrapped = f"litellm.RateLimitError: OpenAIException - {json.dumps({'error': LIMIT})}"
    event = told(429, {"message": wrapped, "type": "throttling_error", "code": "429"})
    assert event["error"] == {**LIMIT, "message": wrapped, "code": "429", "param": None}


def test_a_limit_told_in_the_stream_keeps_its_details_too():
    """A limit inside the stream keeps its details and headers, flat or nested."""
    flat = stream_error({**LIMIT, "type": "error", "status": 429, "headers": {"a": "b"}})
    nested = stream_error({"type": "error", "status": 429, "headers": {"a": "b"}, "error": LIMIT})
    for event in (flat, nested):
        assert event["status"] == 429
        assert event["headers"] == {"a": "b"}
        assert event["error"]["resets_at"] == LIMIT["resets_at"]
        assert event["error"]["plan_type"] == "pro"


def test_headers_that_say_when_to_come_again_are_told():
    """Only headers about retrying and limits are passed on."""
    headers = [
        (b"Retry-After", b"7"),
        (b"x-ratelimit-reset-requests", b"1s"),
        (b"llm_provider-x-codex-primary-used-percent", b"100"),
        (b"content-type", b"application/json"),
        (b"set-cookie", b"a=b"),
        (b"x-litellm-key-spend", b"0.1"),
    ]
    assert headers_to_tell(headers) == {
        "retry-after": "7",
        "x-ratelimit-reset-requests": "1s",
        "llm_provider-x-codex-primary-used-percent": "100",
    }


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({"error": {"message": "m", "code": "429", "type": "None", "param": "None"}}, 503, "429"),
        ({"error": {"message": "m", "code": "429", "type": "usage_limit_reached"}}, 429, "429"),
        ({"error": {"message": "m", "code": 500}}, 500, "500"),
        (
            {"type": "error", "code": "rate_limit_exceeded", "message": "m", "param": None},
            503,  # Codex retries, as when an HTTP stream breaks off
            "rate_limit_exceeded",
        ),
        (
            {"type": "error", "code": "context_length_exceeded", "message": "m"},
            400,
            "context_length_exceeded",
        ),
        ({"type": "error", "code": None, "message": "m"}, 500, "500"),
        ({"type": "error", "status": 404, "error": {"message": "m", "code": "x"}}, 404, "x"),
        (
            {"type": "error", "status": True, "error": {"message": "m", "code": "invalid_value"}},
            400,
            "invalid_value",
        ),
        ({"type": "error", "error": "m"}, 500, "500"),
    ],
)
def test_an_error_inside_a_stream_gets_a_status(event, status, code):
    """Each shape of error inside a stream becomes an error event with a status."""
    told = stream_error(event)
    assert (told["type"], told["status"]) == ("error", status)
    assert (told["error"]["code"], told["error"]["message"]) == (code, "m")


def test_an_answer_s_own_status_counts_more_than_its_stream():
    """The HTTP status counts more than the error inside the stream, as for an HTTP client."""
    event = {"error": {"message": "m", "code": "429"}}
    assert stream_error(event, 429)["status"] == 429


class HTTPError(Exception):
    """FastAPI's exception, which LiteLLM raises once a stream has begun."""

    def __init__(self, status_code, detail):
        self.status_code, self.detail = status_code, detail
        super().__init__(detail)


class OwnError(Exception):
    """LiteLLM's ProxyException, whose status is in `code`."""

    type, param, code, message = "guardrail", "input", "422", "no"


def raised(error, behind):
    """Return an error that was raised from another."""
    try:
        raise error from behind
    except RuntimeError as caught:
        return caught


@pytest.mark.parametrize(
    ("crash", "status", "message"),
    [
        (HTTPError(400, "no"), 400, "no"),
        (HTTPError(400, {"error": "Violated", "rule": 1}), 400, "Violated"),
        (raised(RuntimeError("response already started"), HTTPError(422, "no")), 422, "no"),
        (OwnError(), 422, "no"),
    ],
)
def test_what_an_application_raised_is_told(crash, status, message):
    """An exception's status and message are found, also behind one of Starlette's."""
    event = exception_error(crash)
    assert (event["status"], event["error"]["message"]) == (status, message)


def test_a_guardrail_s_details_are_told_as_over_http():
    """A guardrail's details are in `provider_specific_fields`, as over HTTP."""
    detail = {"error": "Violated", "rule": 1}
    error = exception_error(HTTPError(400, detail))["error"]
    assert error == {
        "message": "Violated",
        "type": "invalid_request_error",
        "code": "400",
        "param": None,
        "provider_specific_fields": detail,
    }


@pytest.mark.parametrize("crash", [None, ZeroDivisionError("secret"), HTTPError(200, "odd")])
def test_any_other_exception_tells_nothing(crash):
    """Any other exception gives no event; its text is only for the log."""
    assert exception_error(crash) is None
