"""Spend, rate limits, budgets and metrics: for each turn 2.0.0 equals HTTP."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from litellm_overlay.local.processes import MASTER_KEY
from pins import PINS
from support.client import connect, said, turn
from support.fleet import running

BODY = {"model": "gpt-4o", "input": "hi", "store": False}


async def over_http(live, key, **body):
    """POST a streamed turn; return the response."""
    async with httpx.AsyncClient(base_url=live.proxy.url, timeout=30) as client:
        headers = {"Authorization": f"Bearer {key}"}
        return await client.post("/v1/responses", json={**body, "stream": True}, headers=headers)


async def spent(live, key, count):
    """Return a key's records of the logging callback, once there are `count` or 3 s have passed."""
    for _ in range(30):
        records = [r for r in live.spend_log() if r["key_alias"] == key]
        if len(records) >= count:
            await asyncio.sleep(0.3)  # a surplus record would arrive within this time
            break
        await asyncio.sleep(0.1)
    return [r for r in live.spend_log() if r["key_alias"] == key]


@pytest.mark.parametrize("model", ["gpt-4o", "my-alias", "managed-5.4"])
async def test_spend_is_recorded_as_over_http(bridge, model):
    """Each turn writes one record with the model, tokens, cost and call type of an HTTP turn."""
    ours, theirs = bridge.new_key(), bridge.new_key()
    async with connect(bridge.ws_url, ours) as socket:
        await turn(socket, **BODY | {"model": model}, generate=False)  # costs nothing
        for _ in range(2):
            assert said(await turn(socket, **BODY | {"model": model}))
    for _ in range(2):
        assert (await over_http(bridge, theirs, **BODY | {"model": model})).status_code == 200
    websocket, http = await spent(bridge, ours, 2), await spent(bridge, theirs, 2)
    assert len(websocket) == len(http) == 2
    for record in websocket + http:
        assert record.pop("key_alias") in (ours, theirs)
        assert (record["prompt_tokens"], record["completion_tokens"]) == (11, 7)
    assert websocket == http
    if model != "managed-5.4":  # the mock's other model has no price
        assert websocket[0]["cost"] > 0


async def test_a_rate_limit_refuses_at_the_same_turn(bridge):
    """With two requests a minute the third turn is refused, over one connection as over HTTP."""
    key = bridge.new_key(rpm_limit=2)
    async with connect(bridge.ws_url, key) as socket:
        events = [(await turn(socket, **BODY))[-1] for _ in range(3)]
        assert [event["type"] for event in events] == ["response.completed"] * 2 + ["error"]
        assert events[-1]["status"] == 429
        # The refused turn leaves the connection usable.
        assert (await turn(socket, **BODY, generate=False))[-1]["type"] == "response.completed"
    key = bridge.new_key(rpm_limit=2)
    statuses = [(await over_http(bridge, key, **BODY)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_a_spent_budget_refuses_at_the_same_turn(bridge):
    """A spent budget refuses the same turn as over HTTP; which one depends on the release."""
    tiny = 0.000_001  # USD; a turn of the mock's costs about 0.0001
    key = bridge.new_key(max_budget=tiny)
    websocket = []
    async with connect(bridge.ws_url, key) as socket:
        for number in range(3):
            event = (await turn(socket, **BODY))[-1]
            refused = event["type"] == "error"
            websocket.append(event["error"]["type"] if refused else "answered")
            assert not refused or event["status"] == 400
            await spent(bridge, key, number + 1)
    key = bridge.new_key(max_budget=tiny)
    http = []
    for number in range(3):
        answer = await over_http(bridge, key, **BODY)
        refused = answer.status_code != 200
        http.append(answer.json()["error"]["type"] if refused else "answered")
        await spent(bridge, key, number + 1)
    assert websocket == http


async def test_prometheus_counts_a_turn_once(tmp_path):
    """Prometheus counts one request per turn, none for the socket or warm-up, as over HTTP."""
    config = {"litellm_settings": {"callbacks": ["keys_and_spend.handler", "prometheus"]}}
    with running(PINS["litellm-live"][-1], "2.0.0", tmp_path, config=config) as live:

        async def counted(key):
            async with httpx.AsyncClient(base_url=live.proxy.url, follow_redirects=True) as client:
                headers = {"Authorization": f"Bearer {MASTER_KEY}"}
                text = (await client.get("/metrics", headers=headers)).text
            series = re.findall(
                r"^(litellm_\w+_requests\w*_total)\{(.*)\} (\S+)$", text, re.MULTILINE
            )
            # These labels differ: the clients have different names and keys.
            own = r'(hashed_api_key|api_key_alias|user_agent)="[^"]*"'
            return {
                (name, re.sub(own, "", labels)): float(value)
                for name, labels, value in series
                if key in labels
            }

        ours, theirs = live.new_key(), live.new_key()
        async with connect(live.ws_url, ours) as socket:
            await turn(socket, **BODY, generate=False)
            for _ in range(3):
                assert said(await turn(socket, **BODY))
        for _ in range(3):
            assert (await over_http(live, theirs, **BODY)).status_code == 200
        await asyncio.sleep(1)
        websocket, http = await counted(ours), await counted(theirs)
        assert websocket == http
        totals = [n for (name, _), n in websocket.items() if "proxy_total_requests" in name]
        assert totals == [3]


async def test_the_relay_does_not_account_for_turns(relay):
    """1.0.0, like stock, does not record the tokens of turns on a native connection."""
    key = relay.new_key()
    async with connect(relay.ws_url, key) as socket:
        for _ in range(2):
            assert said(await turn(socket, **BODY))
    records = await spent(relay, key, 1)
    assert len(records) <= 1
    assert not any(record["prompt_tokens"] for record in records)
