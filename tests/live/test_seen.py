"""What an operator sees of the bridge: /metrics, the log, the off switch, and heartbeats.

The proxy has two workers. Its master key does not begin with `sk-`: LiteLLM then keeps the key
itself where it keeps hashes of other keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re

import httpx
import pytest
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from pins import PINS
from support.client import TERMINAL, close_code, connect, said, turn
from support.fleet import running

KEY = "plain-master-key-0001"
CREATE = {"model": "gpt-4o", "input": "hi", "store": False}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Run the newest release with two workers, metrics, and LiteLLM's log."""
    folder = tmp_path_factory.mktemp("seen")
    with running(
        PINS["litellm-live"][-1],
        "2.0.0",
        folder,
        settings={"offFile": str(folder / "off"), "heartbeatSeconds": 1},
        config={
            "general_settings": {"master_key": KEY},
            "litellm_settings": {"callbacks": ["keys_and_spend.handler", "prometheus"]},
        },
        environ={"LITELLM_LOG": "INFO", "PROMETHEUS_MULTIPROC_DIR": str(folder / "numbers")},
        # uvicorn restarts a worker that takes more than 5 s to import LiteLLM.
        extra_args=("--num_workers", "2", "--timeout_worker_healthcheck", "120"),
    ) as live:
        yield live


async def numbers(live):
    """Return {name and labels as in the text: value} of the overlay's samples."""
    async with httpx.AsyncClient(base_url=live.proxy.url, timeout=30) as client:
        key = {"Authorization": f"Bearer {KEY}"}  # newer releases require one
        answer = await client.get("/metrics", headers=key, follow_redirects=True)
    assert answer.status_code == 200
    lines = re.findall(r"^litellm_overlay_(\S+) (\S+)$", answer.text, re.MULTILINE)
    return {name: float(number) for name, number in lines}


async def become(live, expected):
    """Wait until these samples have their expected values; return all samples."""
    for _ in range(50):
        result = await numbers(live)
        if all(result.get(name) == number for name, number in expected.items()):
            return result
        await asyncio.sleep(0.1)
    raise AssertionError((expected, result))


async def test_the_numbers_of_all_workers_come_together(seen):
    """Gauges are sums over the workers and return to 0; counters count everything once."""
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connect(seen.ws_url, KEY)) for _ in range(8)]
        for socket in sockets:
            assert said(await turn(socket, **CREATE))
        refused = await turn(sockets[0], model="gpt-4o", input="TRIGGER400")
        assert refused[-1]["type"] == "error"
        result = await become(seen, {"connections": 8, 'turns_total{outcome="completed"}': 8})
        assert result['turns_total{outcome="error"}'] == 1
        assert result["turn_duration_seconds_count"] == 9
        assert result["history_bytes"] > 0
    with pytest.raises(InvalidStatus):
        await connect(seen.ws_url, "sk-wrong")
    await become(
        seen,
        {
            "connections": 0,
            "history_bytes": 0,
            'closes_total{code="1000"}': 8,
            'handshakes_refused_total{reason="key"}': 1,
        },
    )


async def lines_of(live, what):
    """Return the overlay's log lines of a kind, parsed."""
    await asyncio.sleep(0.5)
    text = live.proxy.log.read_text()
    return [json.loads(each) for each in re.findall(f"responses websocket: {what} (.*)", text)]


async def test_a_session_is_one_line_of_the_log(seen):
    """A session leaves one log line, with its turns' call ids and cost, and without the key."""
    before = len(await lines_of(seen, "session"))
    async with connect(seen.ws_url, KEY) as socket:
        for _ in range(2):
            assert said(await turn(socket, **CREATE))
    (line,) = (await lines_of(seen, "session"))[before:]
    assert (line["code"], line["turns"], line["outcomes"]) == (1000, 2, {"completed": 2})
    calls = [each["call_id"] for each in (await lines_of(seen, "turn"))[-2:]]
    assert line["call_ids"] == calls
    assert len(set(calls)) == 2
    assert line["cost"] > 0
    assert KEY not in seen.proxy.log.read_text()


async def test_a_silent_turn_goes_on_for_openai_s_client(seen):
    """OpenAI's client gets heartbeats during a silent turn, which completes."""
    async with (
        AsyncOpenAI(base_url=f"{seen.proxy.url}/v1", api_key=KEY) as client,
        client.responses.connect() as connection,
    ):
        await connection.response.create(model="gpt-4o", input="TRIGGERSLOW")
        kinds = []
        async for event in connection:
            kinds.append(event.type)
            if event.type in TERMINAL:
                break
    assert kinds.count("litellm_overlay.heartbeat") >= 2
    assert kinds[-1] == "response.completed"


async def test_a_fleet_is_switched_off_and_on_again(seen):
    """The off file closes open connections with 1012 and answers handshakes with 426.

    Without the file the proxy serves again.
    """
    off = seen.folder / "off"
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connect(seen.ws_url, KEY)) for _ in range(8)]
        off.touch()
        assert {await close_code(socket) for socket in sockets} == {1012}
    for _ in range(8):
        with pytest.raises(InvalidStatus) as caught:
            await connect(seen.ws_url, KEY)
        assert caught.value.response.status_code == 426
    await become(seen, {"connections": 0, 'handshakes_refused_total{reason="switched_off"}': 8})
    off.unlink()
    async with connect(seen.ws_url, KEY) as socket:
        assert said(await turn(socket, **CREATE))
