"""The relay on a real uvicorn, with a stand-in for LiteLLM's own handler."""

import json

import pytest
from websockets.exceptions import InvalidStatus

from endpoint_patch.versions.v1_0_0.inserted.errors import with_status
from endpoint_patch.versions.v1_0_0.inserted.frames import parse
from endpoint_patch.versions.v1_0_0.inserted.relay import is_legal_close
from fakes.proxy_app import completed, sse
from support.client import close_code, hear, say

LIMITED = {"Authorization": "Bearer sk-limited"}
CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}


@pytest.mark.parametrize("path", ["/v1/responses", "/responses"])
@pytest.mark.parametrize(
    "frame", [CREATE, {"type": "response.create", "response": {"model": "gpt-4o", "input": "hi"}}]
)
async def test_the_first_frame_names_the_model_and_is_replayed(proxy, path, frame):
    """The first frame's model goes to LiteLLM's handler, which then gets the same text."""
    async with proxy() as (app, dial), dial(path) as ws:
        text = json.dumps(frame, indent=1)
        await say(ws, text)
        assert (await hear(ws))["type"] == "response.completed"
        assert app.stock_calls[0][0] == "gpt-4o"
        assert app.bodies == [frame]


async def test_a_model_in_the_url_is_the_default(proxy):
    """?model= is the default for frames without a model."""
    async with proxy() as (app, dial), dial("/v1/responses?model=gpt-5.4") as ws:
        await say(ws, {"type": "response.create", "input": "a"})
        await hear(ws)
        await say(ws, {"type": "response.create", "response": {"input": "b"}})
        await hear(ws)
        assert app.bodies[0]["model"] == "gpt-5.4"
        assert app.bodies[1]["response"]["model"] == "gpt-5.4"


async def test_a_bad_key_is_refused_before_accept(proxy):
    """A bad key gets 403 before accept, as with LiteLLM."""
    async with proxy() as (_app, dial):
        for headers in ({}, {"Authorization": "Bearer sk-wrong"}):
            with pytest.raises(InvalidStatus) as caught:
                await dial(headers=headers)
            assert caught.value.response.status_code == 403


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        (["openai-insecure-api-key.k", "realtime"], "realtime"),
        (["OpenAI-Insecure-API-Key.k", "realtime"], "realtime"),
        (["OPENAI-INSECURE-API-KEY.k"], None),
        (["openai_insecure_api_key.k", "x-api-key.k", "sk-1234", "Bearer.k"], None),
        (["openai-beta.responses-v1", "realtime"], "openai-beta.responses-v1"),
    ],
)
async def test_a_subprotocol_with_a_key_is_never_echoed(proxy, offered, answer):
    """A subprotocol with a key, in any case, is never selected for the response."""
    async with proxy() as (_app, dial), dial(subprotocols=offered) as ws:
        assert ws.subprotocol == answer


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "invalid_json"),
        ("{nope", "invalid_json"),
        (b"\xff", "invalid_json"),
        ("[1]", "invalid_type"),
        ('{"type":"session.update","model":"gpt-4o"}', "unknown_event"),
        ('{"type":"response.create"}', "missing_required_parameter"),
        ('{"type":"response.create","model":7}', "invalid_value"),
        ('{"type":"response.create","model":"a\\"b"}', "invalid_value"),
        ('{"type":"response.create","model":"a","response":{"model":"b"}}', "ambiguous_model"),
        ('{"type":"response.create","model":"a","model":"b"}', "duplicate_key"),
        ('{"type":"response.create","model":"a","Model":"b"}', "duplicate_key"),
        ('{"type":"response.create","response":{"model":"a","MODEL":"b"}}', "duplicate_key"),
        ('{"type":"response.create","response":[]}', "invalid_type"),
    ],
)
async def test_a_bad_first_frame_is_told_and_closed_1008(proxy, raw, code):
    """A bad first frame gets an error event and close code 1008; LiteLLM's handler never runs."""
    async with proxy() as (app, dial), dial() as ws:
        await say(ws, raw)
        event = await hear(ws)
        assert (event["type"], event["status"], event["error"]["code"]) == ("error", 400, code)
        assert await close_code(ws) == 1008
        assert app.stock_calls == []


async def test_a_first_frame_too_large_is_closed_1009(proxy):
    """A first frame over the limit, in bytes, gets an error and close code 1009."""
    async with proxy(maxMessageBytes=1024) as (_app, dial), dial() as ws:
        await say(ws, "\u4e16" * 400)
        assert (await hear(ws))["error"]["code"] == "message_too_large"
        assert await close_code(ws) == 1009


async def test_a_bad_later_frame_is_told_and_not_passed_on(proxy):
    """A bad later frame gets an error and is not passed on; the next good frame is answered."""
    async with proxy() as (app, dial), dial() as ws:
        await say(ws, CREATE)
        await hear(ws)
        for bad in ("{nope", {"type": "session.update"}, {**CREATE, "model": ["x"]}):
            await say(ws, bad)
            assert (await hear(ws))["status"] == 400
        await say(ws, CREATE)
        assert (await hear(ws))["type"] == "response.completed"
        assert app.bodies == [CREATE, CREATE]


async def test_the_model_of_every_frame_is_authorised(proxy):
    """No frame, first or later, gets a model that the key may not use, also behind ?model=."""
    async with proxy() as (app, dial):
        async with dial(headers=LIMITED) as ws:
            await say(ws, {**CREATE, "model": "gpt-5.4"})
            event = await hear(ws)
            assert (event["status"], event["error"]["type"]) == (400, "key_model_access_denied")
            assert await close_code(ws) == 1008
        async with dial("/v1/responses?model=gpt-4o", LIMITED) as ws:
            for forbidden in (
                {**CREATE, "model": "gpt-5.4"},
                {"type": "response.create", "response": {"model": "gpt-5.4"}},
                {**CREATE, "model": "gpt-5.4", "generate": False},
                {**CREATE, "model": "gpt-5.4", "previous_response_id": "resp_1"},
            ):
                await say(ws, forbidden)
                assert (await hear(ws))["status"] == 400
            await say(ws, CREATE)
            assert (await hear(ws))["type"] == "response.completed"
        assert app.bodies == [CREATE]


async def test_a_key_revoked_later_ends_with_the_next_new_model(proxy):
    """A revoked key is noticed at the next new model, and closed with 1008."""
    async with proxy() as (app, dial), dial() as ws:
        await say(ws, CREATE)
        await hear(ws)
        del app.good_keys["sk-1234"]
        await say(ws, {**CREATE, "model": "gpt-5.4"})
        assert (await hear(ws))["status"] == 400
        assert await close_code(ws) == 1008


async def test_limits_of_time(proxy):
    """A silent client gets an error and 1008; a connection past its lifetime an error and 1001."""
    async with proxy(firstMessageTimeoutSeconds=0.3) as (_app, dial), dial() as ws:
        event = await hear(ws)
        assert (event["status"], event["error"]["code"]) == (400, "first_message_timeout")
        assert await close_code(ws) == 1008
    async with proxy(sessionLifetimeSeconds=0.5) as (_app, dial), dial() as ws:
        await say(ws, CREATE)
        await hear(ws)
        event = await hear(ws)
        assert event["error"]["code"] == "websocket_connection_limit_reached"
        assert await close_code(ws) == 1001


async def test_litellm_s_status_less_errors_get_one(proxy):
    """LiteLLM's error event without a status gets one, since Codex ignores it otherwise."""
    async with proxy() as (app, dial), dial() as ws:

        async def answer(body):
            yield sse({"type": "error", "error": {"type": "x", "message": "m"}})

        app.answer = answer
        await say(ws, CREATE)
        event = await hear(ws)
        assert event["status"] == 400
        assert event["error"] == {"type": "x", "message": "m", "code": None, "param": None}


async def test_a_handler_that_crashes_closes_1011(proxy):
    """A crash of the handler closes with 1011."""
    async with proxy() as (app, dial), dial() as ws:

        async def answer(body):
            raise ZeroDivisionError
            yield sse(completed())

        app.answer = answer
        await say(ws, CREATE)
        assert await close_code(ws) == 1011


async def test_an_illegal_close_code_becomes_1011(proxy, monkeypatch):
    """An illegal close code, such as an HTTP status of LiteLLM's, becomes 1011."""
    async with proxy() as (app, dial):

        async def closes(websocket, model, user_api_key_dict):
            await websocket.close(404, "x" * 200)

        app.stock = closes
        async with dial() as ws:
            await say(ws, CREATE)
            assert await close_code(ws) == 1011


async def test_http_fallback_answers_426_before_auth(proxy):
    """In mode http-fallback the handshake gets 426, even without a key."""
    async with proxy(mode="http-fallback") as (_app, dial):
        with pytest.raises(InvalidStatus) as caught:
            await dial(headers={})
        assert caught.value.response.status_code == 426


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"type":"error","status":404,"error":{}}', 404),
        ('{"type":"error","error":{"message":"litellm.RateLimitError: slow"}}', 429),
        ('{"type":"error","error":{"message":"litellm.Timeout: slow"}}', 504),
        ('{"type":"error","error":{"message":"litellm.InternalServerError"}}', 500),
        ('{"type":"error","error":{"message":"litellm.BadRequestError"}}', 400),
        ('{"type":"error","status":true,"error":"plain"}', 400),
        ('{"type":"error"}', 400),
    ],
)
def test_the_status_follows_litellm_s_message(text, status):
    """A status is kept; else it follows from the exception's name; else it is 400."""
    kind, told = with_status(text)
    assert kind == "error"
    assert json.loads(told)["status"] == status


@pytest.mark.parametrize("text", ["", "[1]", '{"type":"response.completed"}', '{"a": 1.0}'])
def test_other_texts_pass_unchanged(text):
    """Texts other than error events pass unchanged."""
    assert with_status(text)[1] == text


@pytest.mark.parametrize(
    ("code", "legal"),
    [(1000, True), (1011, True), (1012, True), (3000, True), (4999, True)]
    + [(code, False) for code in (200, 403, 999, 1004, 1005, 1006, 1015, 2000, 5000, None)],
)
def test_only_legal_close_codes_are_sent(code, legal):
    """Only legal close codes are sent; LiteLLM sometimes uses HTTP statuses."""
    assert is_legal_close(code) is legal


def test_an_acknowledgement_is_ignored():
    """Codex 0.135's `response.processed` is ignored, since an error would end its next turn."""
    assert parse('{"type":"response.processed"}', None, 1000) is None
