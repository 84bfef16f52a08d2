"""The file that switches the bridge off."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from fakes.proxy_app import completed, sse
from support.client import close_code, hear, say

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}


async def status_of(dial, headers=None):
    """Return the status of a refused handshake."""
    with pytest.raises(InvalidStatus) as caught:
        await dial(headers=headers or {})
    return caught.value.response.status_code


async def test_while_it_is_there_clients_go_to_http(proxy, numbers, tmp_path):
    """While the file exists a handshake gets 426 before any key check; afterwards it connects."""
    off = tmp_path / "off"
    async with proxy(offFile=str(off)) as (app, dial):
        off.touch()
        app.check_fails = True
        assert await status_of(dial, {"Authorization": "Bearer sk-1234"}) == 426
        assert await status_of(dial) == 426
        assert numbers("handshakes_refused_total", reason="switched_off") == 2
        app.check_fails = False
        off.unlink()
        async with dial() as ws:
            await say(ws, CREATE)
            assert (await hear(ws))["type"] == "response.completed"
        assert len(app.bodies) == 1


async def test_what_runs_ends_first(proxy, tmp_path):
    """When the file appears the running turn completes, no other begins, and the close is 1012."""
    off = tmp_path / "off"
    gate = asyncio.Event()

    async def slow(body):
        await gate.wait()
        yield sse(completed())

    async with proxy(offFile=str(off)) as (app, dial), dial() as ws, dial() as idle:
        app.answer = slow
        await say(ws, CREATE)
        while not app.bodies:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        off.touch()
        assert await close_code(idle) == 1012
        await say(ws, CREATE)
        gate.set()
        assert (await hear(ws))["type"] == "response.completed"
        assert await close_code(ws) == 1012
        assert len(app.bodies) == 1
        assert await status_of(dial, {"Authorization": "Bearer sk-1234"}) == 426
