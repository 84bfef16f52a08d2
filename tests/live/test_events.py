"""Errors, and events that start no turn, on the real proxy: their shape and effects."""

from __future__ import annotations

import json

import httpx

from support.client import connect, receive_turn, said, turn

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}


async def one_turn(live, **fields):
    """Return the events of a turn on a new connection."""
    async with connect(live.ws_url) as socket:
        return await turn(socket, **fields)


async def test_an_unknown_response_is_recognisable(bridge):
    """An unknown response has OpenAI's code, which LiteLLM hides, and the message that HTTP has."""
    body = {"model": "gpt-4o", "input": "hi", "previous_response_id": "resp_of_another_day"}
    event = (await one_turn(bridge, **body))[-1]
    async with httpx.AsyncClient(base_url=bridge.proxy.url, timeout=30) as http:
        key = {"Authorization": "Bearer sk-1234"}
        answer = await http.post("/v1/responses", json={**body, "stream": True}, headers=key)
    assert event["status"] == answer.status_code == 400
    assert event["error"]["message"] == answer.json()["error"]["message"]
    assert event["error"]["code"] == "previous_response_not_found"
    assert event["error"]["type"] == "invalid_request_error"


async def test_a_limit_of_a_plan_says_when_it_ends(bridge):
    """A plan's limit has its type and end as fields, which LiteLLM hides in a sentence."""
    event = (await one_turn(bridge, model="gpt-4o", input="TRIGGERLIMIT"))[-1]
    assert (event["status"], event["error"]["type"]) == (429, "usage_limit_reached")
    assert event["error"]["plan_type"] == "pro"
    assert event["error"]["resets_at"] > 0
    assert event["error"]["resets_in_seconds"] == 3600


async def test_a_guardrail_that_blocks_in_mid_stream_is_told(bridge):
    """A guardrail's block in mid-stream gives its reason, where HTTP breaks off the stream."""
    events = await one_turn(bridge, model="gpt-4o", input="TRIGGERBLOCKED", store=False)
    assert events[0]["type"] == "response.created"
    assert (events[-1]["type"], events[-1]["status"]) == ("error", 400)
    assert events[-1]["error"]["message"] == "blocked in mid-stream"
    assert events[-1]["sequence_number"] > events[-2]["sequence_number"]


async def test_an_event_that_starts_no_turn_ends_none(bridge):
    """A steer and a cancel of an unknown response are refused; the running turn completes."""
    async with connect(bridge.ws_url) as socket:
        await socket.send(json.dumps({**CREATE, "input": "TRIGGERPACED:5"}))
        for event in (
            {"type": "response.steer", "previous_response_id": "resp_1", "input": "x"},
            {"type": "response.cancel", "response_id": "resp_1"},
        ):
            await socket.send(json.dumps(event))
        events = await receive_turn(socket)
        told = {event["type"] for event in events}
        assert told >= {"response.steer.failed", "litellm_overlay.event_refused"}
        assert said(events) == "0 1 2 3 4 "


async def test_a_cancelled_response_ends_its_turn(bridge):
    """A cancel with the response's id ends its turn as cancelled; the next turn completes."""
    since = len(bridge.provider_log())
    async with connect(bridge.ws_url) as socket:
        await socket.send(json.dumps({**CREATE, "input": "TRIGGERPACED:300", "store": False}))
        created = json.loads(await socket.recv())
        response_id = created["response"]["id"]
        await socket.send(json.dumps({"type": "response.cancel", "response_id": response_id}))
        events = await receive_turn(socket)
        assert events[-1]["type"] == "response.incomplete"
        assert events[-1]["response"]["status"] == "cancelled"
        assert said(await turn(socket, model="gpt-4o", input="hi"))
    assert len(bridge.provider_log()[since:]) >= 2
