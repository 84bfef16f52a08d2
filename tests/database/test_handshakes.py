"""What handshakes leave in the database: nothing with a good key, a POST's row with a bad one."""

from __future__ import annotations

import asyncio

from support import sides
from support.client import close_code, connect, hear

ERRORS = """SELECT * FROM "LiteLLM_ErrorLogs\""""
SPENT = """SELECT spend FROM "LiteLLM_VerificationToken" WHERE token = :'token'"""
# What differs between any two keys' refusals; a handshake names no model.
PARTICULAR = (
    *("model", "model_group", "request_tags"),
    *("request_id", "api_key", "startTime", "endTime", "completionStartTime", "session_id"),
    *("request_duration_ms", "metadata", "proxy_server_request", "call_type"),
)


async def test_a_handshake_leaves_nothing(all_sides):
    """A handshake leaves no spend row and no failure, and does not count against a key's limits."""
    websocket, http, _ = all_sides
    key = await websocket.key(rpm_limit=1, max_budget=0.001, max_parallel_requests=1)
    errors = await asyncio.to_thread(websocket.proxy.rows, ERRORS)
    for query in ("", "", "?model=gpt-4o"):
        async with connect(f"{websocket.proxy.server.ws_url}/v1/responses{query}", key):
            pass
    await asyncio.sleep(sides.WRITER_SECONDS)
    assert await sides.spend_rows(websocket.proxy, key) == []
    rows = await asyncio.to_thread(websocket.proxy.rows, SPENT, token=sides.token(key))
    assert [row["spend"] for row in rows] == [0]
    assert await asyncio.to_thread(websocket.proxy.rows, ERRORS) == errors
    async with http.talk(key) as talk:
        assert [(await talk.turn()).status for _ in range(2)] == [200, 429]


async def test_a_told_refusal_leaves_what_a_refused_post_leaves(all_sides):
    """A refusal with a reason leaves the row of a refused POST, and later frames add none."""
    websocket, http, _ = all_sides
    keys = [await side.key() for side in (websocket, http)]
    for key in keys:
        await websocket.proxy.admin("/key/block", key=key)
    async with connect(f"{websocket.proxy.server.ws_url}/v1/responses", keys[0]) as socket:
        await socket.send('{"type": "response.create", "model": "gpt-4o", "input": "hi"}')
        assert (await hear(socket))["status"] == 400
        assert await close_code(socket) == 1008
    async with http.talk(keys[1]) as talk:
        assert (await talk.turn()).status == 401
    await asyncio.sleep(sides.WRITER_SECONDS)
    ours, theirs = [await sides.spend_rows(websocket.proxy, key) for key in keys]
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert {name for name in one if one[name] != other[name]} <= {*PARTICULAR}
        assert one["status"] == other["status"] == "failure"
