"""Two worker processes on one port: each has its own history.

The workers are gunicorn's. uvicorn restarts a worker that takes more than 5 s to import LiteLLM, on
a busy machine again and again.
"""

from __future__ import annotations

import contextlib
import json
import time

import pytest

from litellm_overlay.local.processes import START_SECONDS
from pins import PINS
from support.client import close_code, connect, receive_turn, said, say, turn
from support.fleet import running

CREATE = {"type": "response.create", "model": "gpt-4o", "store": False}
MB = 1_000_000


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """Run the newest release under test with two workers and a history of 4 MiB each."""
    folder = tmp_path_factory.mktemp("workers")
    settings = {"historyBytes": 4 << 20, "drainFile": str(folder / "drain")}
    arguments = ("--run_gunicorn", "--num_workers", "2")
    release = PINS["litellm-live"][-1]
    with running(release, "2.0.0", folder, settings=settings, extra_args=arguments) as live:
        yield live


@pytest.fixture
async def sockets(live):
    """Yield two lists, one per worker, of two connections each."""
    deadline = time.monotonic() + START_SECONDS
    async with contextlib.AsyncExitStack() as stack:
        of_worker: dict[str, list] = {}
        while sorted(map(len, of_worker.values())) != [2, 2]:
            assert time.monotonic() < deadline, f"one worker takes all: {list(of_worker)}"
            socket = await stack.enter_async_context(connect(live.ws_url))
            worker = said(await turn(socket, model="gpt-4o", input="TRIGGERWORKER"))
            result = of_worker.setdefault(worker, [])
            if len(result) < 2:
                result.append(socket)
            else:  # the other worker may still be starting
                await socket.close()
        yield list(of_worker.values())


async def remembered(socket, text="hi"):
    """Make a turn with `store: false`; return its response's id."""
    return (await turn(socket, **CREATE, input=text))[-1]["response"]["id"]


async def continued(socket, previous, **fields):
    """Continue a conversation; return the turn's last event."""
    body = {**CREATE, "input": "more", "previous_response_id": previous, **fields}
    return (await turn(socket, **body))[-1]


@pytest.mark.parametrize("model", ["gpt-4o", "chat-5.4"])
async def test_a_conversation_of_the_other_worker_is_told_to_be_unknown(sockets, model):
    """On the other worker a conversation is unknown, by the code on which clients resend it all.

    On its own worker it goes on.
    """
    (here, *_), (there, *_) = sockets
    first = (await turn(here, model=model, input="hi", store=False))[-1]["response"]["id"]
    lost = await continued(there, first, model=model)
    assert (lost["type"], lost["status"]) == ("error", 400)
    assert lost["error"]["code"] == "previous_response_not_found"
    assert said(await turn(there, model=model, input="hi again", store=False))
    assert (await continued(here, first, model=model))["type"] == "response.completed"


async def test_a_stored_response_is_continued_on_the_other_worker(sockets):
    """A stored response can be continued on the other worker, since the provider has it."""
    (here, *_), (there, *_) = sockets
    first = (await turn(here, model="gpt-4o", input="hi"))[-1]["response"]["id"]
    assert (await continued(there, first, store=True))["type"] == "response.completed"


async def test_each_worker_has_a_budget_of_its_own(sockets):
    """A flood on one worker displaces a key's history there, but not on the other."""
    (here, flooded), (there, *_) = sockets
    lost, kept = await remembered(here), await remembered(there)
    for _ in range(6):
        await turn(flooded, model="gpt-4o", generate=False, input="x" * MB)
    assert (await continued(here, lost))["error"]["code"] == "previous_response_not_found"
    assert (await continued(there, kept))["type"] == "response.completed"


async def test_a_response_is_cancelled_where_it_runs_and_nowhere_else(sockets):
    """A response is cancelled on the worker that runs it; on the other its id is unknown."""
    (here, *_), (there, *_) = sockets
    await say(here, {**CREATE, "input": "TRIGGERPACED:300"})
    running = json.loads(await here.recv())["response"]["id"]
    cancel = {"type": "response.cancel", "response_id": running}
    await say(there, cancel)
    assert json.loads(await there.recv())["code"] == "response_not_found"
    await say(here, cancel)
    ended = (await receive_turn(here))[-1]
    assert (ended["type"], ended["response"]["status"]) == ("response.incomplete", "cancelled")


async def test_a_drain_reaches_both(live, sockets):
    """A drain reaches both workers: turns end, no more begin, and connections close with 1012.

    Without the file the proxy serves again.
    """
    flag = live.folder / "drain"
    for here, _ in sockets:
        await say(here, {**CREATE, "input": "TRIGGERPACED:15"})
        await here.recv()
    since = len(live.provider_log())
    flag.touch()
    try:
        for here, idle in sockets:
            await say(here, {**CREATE, "input": "too late"})
            assert said(await receive_turn(here))
            assert await close_code(here) == 1012
            assert await close_code(idle) == 1012
    finally:
        flag.unlink()
    assert "too late" not in str(live.provider_log()[since:])
    async with connect(live.ws_url) as socket:
        assert said(await turn(socket, model="gpt-4o", input="hi"))
