"""Story 29: keys, a budget and spend in a database, and an upgrade with open sessions."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console
from rich.table import Table

from e2e.kit import crowd
from e2e.kit.database import Database
from e2e.kit.stories import PROXY, SECONDS, decision, until
from e2e.kit.verbs import overlay
from support import scratch
from support.sides import WRITER_SECONDS, Side, token
from support.turns import assert_equal

TINY = 0.000_001  # USD; a turn of the mock's costs about 0.0001
MODEL = {"model": "gpt-4o"}
ACCOUNTS = """SELECT k.token, k.spend AS spent, count(l.request_id) AS rows, coalesce(sum(l.spend), 0) AS billed
    FROM "LiteLLM_VerificationToken" k LEFT JOIN "LiteLLM_SpendLogs" l ON l.api_key = k.token
    GROUP BY k.token, k.spend"""
SESSIONS, FIRST = 20, 1000  # numbers start above those of other stories
PAUSE = 0.5  # seconds between the turns of a session
ANSWERS = {
    "say hi": "Hello from the mock model.",
    "TRIGGERPACED:20": "".join(f"{number} " for number in range(20)),
}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Return the charts of two releases, the second with a later patch version."""
    return scratch.charts(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def database(namespace):
    """Start Postgres in the namespace."""
    database = Database(namespace)
    database.start()
    return database


@pytest.fixture(scope="module")
def door(namespace, database, two):
    """Install the first release with the database; yield a door to the proxy."""
    namespace.install(database.values(), chart=two[0])
    with namespace.door() as door:
        yield door


@pytest.fixture(scope="module")
def proxy(database, door):
    """Return the proxy with its database."""
    return database.proxy(door)


@pytest.fixture(scope="module")
def websocket(proxy):
    """Return the WebSocket side of the proxy."""
    return Side("websocket", proxy)


@pytest.fixture(scope="module")
def http(proxy):
    """Return the HTTP side of the same proxy."""
    return Side("http", proxy)


def provider_calls(world, text):
    """Return the number of requests to the provider that contain a text."""
    log = world.provider_log()
    return sum(record["kind"] == "request" and text in json.dumps(record["body"]) for record in log)


async def test_a_turn_of_a_virtual_key(namespace, websocket):
    """A turn with a key from LiteLLM's own API leaves one spend row in Postgres."""
    (pod,) = namespace.pods()
    assert decision(pod)["patchVersion"] == scratch.DEFAULT
    key = await websocket.key()
    async with websocket.talk(key) as talk:
        answer = await talk.turn(**MODEL)
    assert answer.served, answer
    (row,) = await websocket.written(key, 1)
    assert (row["total_tokens"], row["spend"] > 0) == (18, True)


async def test_a_budget_that_ends_in_mid_session(world, websocket, http):
    """A turn over the budget is refused on the open socket as by POST, without a provider call."""
    key = await websocket.key(max_budget=TINY)
    async with websocket.talk(key) as talk, http.talk(key) as post:
        assert (await talk.turn(**MODEL, input="in budget")).served
        await websocket.written(key, 1)
        refused = await talk.turn(**MODEL, input="over budget")
        beside = await post.turn(**MODEL, input="over budget")
        again = await talk.turn(**MODEL, input="over budget")
    assert refused.kind == "budget_exceeded"
    assert_equal([refused, again], [beside, beside])
    assert {answer.error["message"] for answer in (refused, again)} == {beside.error["message"]}
    assert (provider_calls(world, "in budget"), provider_calls(world, "over budget")) == (1, 0)


async def test_verify_by_a_virtual_key(namespace, world, websocket):
    """`verify` accepts a key for one model, and reports LiteLLM's reason for refused keys."""
    keys = {
        "good": await websocket.key(models=["gpt-5.4"]),
        "other": await websocket.key(models=["my-alias"]),
        "spent": await websocket.key(models=["gpt-4o"], max_budget=TINY),
    }
    namespace.apply({"kind": "Secret", "metadata": {"name": "virtual"}, "stringData": keys})
    async with websocket.talk(keys["spent"]) as talk:
        assert (await talk.turn(**MODEL)).served
    await websocket.written(keys["spent"], 1)

    def verify(name, *options):
        kubeconfig = str(world.cluster.kubeconfig)
        line = ("verify", "-n", namespace.name, "--key-secret", f"virtual/{name}", *options)
        done = overlay(*line, "--output", "json", KUBECONFIG=kubeconfig)
        assert not any(key in done.out + done.err for key in keys.values())
        (result,) = json.loads(done.out)
        return done.code, result["verdict"], " ".join(result["faults"])

    good, other, spent = await asyncio.gather(
        asyncio.to_thread(verify, "good"),
        asyncio.to_thread(verify, "other"),
        asyncio.to_thread(verify, "spent", "--model", "gpt-4o"),
    )
    assert good == (0, "works", "")
    for (code, verdict, faults), words in (
        (other, "key not allowed to access model"),
        (spent, "Budget has been exceeded"),
    ):
        assert (code, verdict == "works") == (5, False)
        assert words in faults


def test_an_upgrade_of_the_overlay_with_sessions_open(
    namespace, world, two, database, door, websocket, capsys
):
    """During an upgrade each turn is answered, called and billed exactly once."""
    keys = [asyncio.run(websocket.key()) for _ in range(SESSIONS)]
    sessions = [
        crowd.Session(FIRST + number, door, key, list(ANSWERS), PAUSE)
        for number, key in enumerate(keys)
    ]
    (old,) = namespace.pods()
    upgrade(namespace, database.values(replicaCount=2), two[1], sessions)
    assert old["metadata"]["name"] not in {pod["metadata"]["name"] for pod in proxies(namespace)}

    started = {name: text for session in sessions for name, text in session.started.items()}
    ended = {name: end for session in sessions for name, end in session.ended.items()}
    calls = crowd.calls_by_turn(world.provider_log(), started)
    spent = settled(websocket.proxy, keys, len(started))
    counts = {
        "sessions": len(sessions),
        "handshakes": sum(session.handshakes for session in sessions),
        "turns started": len(started),
        "turns completed": sum(kind == "response.completed" for kind, _ in ended.values()),
        "provider calls": sum(calls.values()),
        "turns called twice": sum(count > 1 for count in calls.values()),
        "spend rows": sum(rows for rows, _, _ in spent.values()),
    }
    table = Table("during an upgrade of the overlay", "count")
    for what, count in counts.items():
        table.add_row(what, str(count))
    with capsys.disabled():
        Console().print("\n", table)

    assert ended == {name: ("response.completed", ANSWERS[text]) for name, text in started.items()}
    assert calls == dict.fromkeys(started, 1)
    for session in sessions:
        rows, billed, added_up = spent[session.key]
        assert (rows, added_up) == (len(session.started), pytest.approx(billed))


def accounts(proxy, keys):
    """Return {key: (number of spend rows, their sum, LiteLLM's total)}."""
    hashed = {token(key): key for key in keys}
    found = [row for row in proxy.rows(ACCOUNTS) if row["token"] in hashed]
    return {hashed[row["token"]]: (row["rows"], row["billed"], row["spent"]) for row in found}


def settled(proxy, keys, turns):
    """Return the accounts once all rows are there and the totals match, or the time is up.

    It waits one interval of LiteLLM's writer more, so that surplus rows would show.
    """

    def complete():
        found = accounts(proxy, keys).values()
        sums = all(spent == pytest.approx(billed) for _, billed, spent in found)
        return sum(rows for rows, _, _ in found) >= turns and sums

    deadline = time.monotonic() + SECONDS
    while not complete() and time.monotonic() < deadline:
        time.sleep(1)
    time.sleep(WRITER_SECONDS)
    return accounts(proxy, keys)


def upgrade(namespace, values, chart, sessions):
    """Upgrade the release while sessions work; each makes a turn before and after."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(crowd.work, sessions, stop)
        try:
            crowd.wait_for_a_turn_each(sessions)
            namespace.install(values, chart=chart)
            until(lambda: len(proxies(namespace)) == 2, "the old pod's end")
            crowd.wait_for_a_turn_each(sessions)
        finally:
            stop.set()
        working.result()


def proxies(namespace):
    """Return the proxies' pods, including those being deleted."""
    return namespace.get("pods", "--selector", PROXY)["items"]


def test_status_tells_the_later_version(namespace, world, two):
    """`status` of the later release recognizes its patch version, and all pods agree."""
    later = two[1].with_name("checkout") / "patch"
    told = {"KUBECONFIG": str(world.cluster.kubeconfig), "PYTHONPATH": str(later)}
    status = overlay("status", "-n", namespace.name, "--output", "json", **told)
    # Postgres runs from the same image, so it is listed, too.
    row = next(row for row in json.loads(status.out) if row["name"] == "litellm")
    assert (status.code, row["reasons"]) == (0, [])
    told = ("patched", scratch.FIXED, 2, 2)
    assert (row["decision"], row["patchVersion"], row["agreeing"], row["pods"]) == told
