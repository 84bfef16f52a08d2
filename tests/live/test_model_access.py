"""A key limited to gpt-4o gets no turn of gpt-5.4, by no frame and on neither patch line."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.client import close_code, connect, hear, receive_turn, said, turn

LIMITED = "sk-limited-0001"
CREATE = {"type": "response.create", "input": "hi", "store": False}
DUPLICATE = '{"type":"response.create","model":"gpt-4o","model":"gpt-5.4","input":"hi"}'
HIDDEN = '{"type":"response.create","model":"gpt-4o","Model":"gpt-5.4","input":"hi"}'

FORBIDDEN = {
    "flat": {**CREATE, "model": "gpt-5.4"},
    "nested": {"type": "response.create", "response": {"model": "gpt-5.4", "input": "hi"}},
    "flat permitted, nested not": {**CREATE, "model": "gpt-4o", "response": {"model": "gpt-5.4"}},
    "nested permitted, flat not": {**CREATE, "model": "gpt-5.4", "response": {"model": "gpt-4o"}},
    "duplicate key": DUPLICATE,
    "duplicate key, other way round": DUPLICATE.replace("gpt-4o", "x").replace("x", "gpt-4o"),
    "alias of a permitted model": {**CREATE, "model": "my-alias"},
    "injected": {**CREATE, "model": 'gpt-4o","x":"'},
}


async def refused(socket, frame):
    """Send a frame; require and return an error event with status 400, which stops Codex."""
    await socket.send(frame if isinstance(frame, str) else json.dumps(frame))
    event = (await receive_turn(socket))[-1]
    assert event["type"] == "error", event
    assert type(event["status"]) is int
    assert event["status"] == 400
    assert event["error"]["message"]
    assert LIMITED not in json.dumps(event)
    return event


def models_asked_of_the_provider(live, since):
    """Return the models of all requests to the provider since then, by HTTP or WebSocket."""
    bodies = [record["body"] for record in live.provider_log()[since:] if "body" in record]
    return {(body.get("response") or body).get("model") for body in bodies}


@pytest.mark.parametrize("name", FORBIDDEN)
@pytest.mark.parametrize("query", ["", "?model=gpt-4o"])
async def test_a_first_frame_gets_no_other_model(patched, name, query):
    """No form of the first frame gets another model, with or without a permitted ?model=."""
    since = len(patched.provider_log())
    async with connect(patched.ws_url + query, LIMITED) as socket:
        await refused(socket, FORBIDDEN[name])
    assert models_asked_of_the_provider(patched, since) <= {"gpt-4o"}


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_a_later_frame_gets_no_other_model(patched, name):
    """No later frame does, and the permitted model is still answered."""
    since = len(patched.provider_log())
    async with connect(patched.ws_url, LIMITED) as socket:
        first = await turn(socket, model="gpt-4o", input="hi", store=False)
        assert said(first)
        for _ in range(2):
            await refused(socket, FORBIDDEN[name])
        assert said(await turn(socket, model="gpt-4o", input="again", store=False))
    assert models_asked_of_the_provider(patched, since) <= {"gpt-4o"}


async def test_a_continued_conversation_gets_no_other_model(patched):
    """`previous_response_id` does not extend a key's models."""
    since = len(patched.provider_log())
    async with connect(patched.ws_url, LIMITED) as socket:
        first = await turn(socket, model="gpt-4o", input="hi", store=False)
        previous = first[-1]["response"]["id"]
        await refused(socket, {**CREATE, "model": "gpt-5.4", "previous_response_id": previous})
    assert models_asked_of_the_provider(patched, since) <= {"gpt-4o"}


async def test_a_warm_up_gets_no_other_model(patched):
    """Neither a warm-up with a forbidden model nor its continuation reaches the provider."""
    since = len(patched.provider_log())
    async with connect(patched.ws_url, LIMITED) as socket:
        await socket.send(json.dumps({**CREATE, "model": "gpt-5.4", "generate": False}))
        events = await receive_turn(socket)
        if patched.patch == "1.0.0":  # 1.0.0 checks each frame, and closes after a bad first one
            assert events[-1]["status"] == 400
        else:  # 2.0.0 answers a warm-up itself and checks the model at the turn
            previous = events[-1]["response"]["id"]
            await refused(socket, {**CREATE, "model": "gpt-5.4", "previous_response_id": previous})
            await refused(socket, {**CREATE, "previous_response_id": previous})
    assert models_asked_of_the_provider(patched, since) == set()


async def test_a_url_gets_no_other_model(patched):
    """A forbidden ?model= is refused: at the handshake, or by 2.0.0 at the turn."""
    since = len(patched.provider_log())
    for query in ("?model=gpt-5.4", "?model=gpt-4o%22%2C%22x%22%3A%22"):
        if patched.patch == "2.0.0" and query == "?model=gpt-5.4":
            async with connect(patched.ws_url + query, LIMITED) as socket:
                await refused(socket, {"type": "response.create", "input": "hi"})
            continue
        with pytest.raises(InvalidStatus) as caught:
            await connect(patched.ws_url + query, LIMITED)
        assert caught.value.response.status_code == 403
    assert models_asked_of_the_provider(patched, since) == set()


async def test_the_other_spelling_of_a_key_gets_no_other_model(patched):
    """A second "Model" in other case does not get the provider to run that model."""
    since = len(patched.provider_log())
    async with connect(patched.ws_url, LIMITED) as socket:
        await socket.send(HIDDEN)
        await receive_turn(socket)
    assert models_asked_of_the_provider(patched, since) <= {"gpt-4o"}


@pytest.mark.parametrize("key", ["sk-blocked-0001", "sk-budget-00001", "sk-wrong", None])
async def test_a_key_that_is_no_good_gets_no_turn(patched, key):
    """An unknown or missing key gets 403; 2.0.0 tells a blocked key or a spent budget why."""
    if patched.patch == "2.0.0" and key in ("sk-blocked-0001", "sk-budget-00001"):
        async with connect(patched.ws_url, key) as socket:
            event = await hear(socket)
            assert (event["type"], event["status"]) == ("error", 400)
            words = {"sk-blocked-0001": "Key is blocked", "sk-budget-00001": "Budget has been"}
            assert words[key] in event["error"]["message"]
            assert await close_code(socket) == 1008
        return
    with pytest.raises(InvalidStatus) as caught:
        await connect(patched.ws_url, key)
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("change", ["deleted", "blocked"])
async def test_a_revoked_key_stops_at_its_next_turn(bridge, change):
    """A key deleted or blocked between turns is refused at the next one, and closed with 1008."""
    key = bridge.new_key()
    async with connect(bridge.ws_url, key) as socket:
        assert said(await turn(socket, model="gpt-4o", input="hi"))
        since = len(bridge.provider_log())
        if change == "deleted":
            bridge.revoke(key)
        else:
            bridge.keys[key] = {"blocked": True}
            bridge.publish()
        event = (await turn(socket, model="gpt-4o", input="hi"))[-1]
        assert (event["type"], event["status"]) == ("error", 400)
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd.code == 1008
    assert models_asked_of_the_provider(bridge, since) == set()


async def test_every_handshake_form_of_the_key_has_the_same_rights(bridge):
    """A limited key has the same rights in every form and beside any second key."""
    forms = [
        ({"Authorization": f"Bearer {LIMITED}"}, None),
        ({"Authorization": f"Bearer   {LIMITED} "}, None),
        ({"api-key": LIMITED}, None),
        ({}, ["realtime", f"openai-insecure-api-key.{LIMITED}"]),
        # A second key, which POST would ignore, adds no rights.
        ({"Authorization": f"Bearer {LIMITED}", "api-key": "sk-1234"}, None),
        ({"Authorization": "Bearer sk-1234", "x-litellm-api-key": LIMITED}, None),
        ({"api-key": LIMITED, "x-api-key": "sk-1234"}, None),
    ]
    for headers, subprotocols in forms:
        options = {"subprotocols": subprotocols} if subprotocols else {}
        async with connect(bridge.ws_url, None, headers, **options) as socket:
            assert socket.subprotocol in (None, "realtime")
            assert said(await turn(socket, model="gpt-4o", input="hi")), headers
            await refused(socket, FORBIDDEN["flat"])


async def test_no_key_is_in_a_log(patched):
    """The proxy's log has no key of a served or refused turn, in any form."""
    key = patched.new_key(models=["gpt-4o"])
    for headers, subprotocols in (
        ({"Authorization": f"Bearer {key}"}, None),
        ({"api-key": key}, None),
        ({}, ["realtime", f"openai-insecure-api-key.{key}"]),
    ):
        options = {"subprotocols": subprotocols} if subprotocols else {}
        async with connect(patched.ws_url, None, headers, **options) as socket:
            await turn(socket, model="gpt-4o", input="hi")
            await refused(socket, FORBIDDEN["flat"])
            await refused(socket, "{nope")
    assert key not in patched.proxy.log.read_text()
