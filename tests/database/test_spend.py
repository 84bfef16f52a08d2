"""Rows that turns leave in the database: spend, totals of key and team, daily sums, failures."""

from __future__ import annotations

import asyncio
import time

import pytest

from support import sides

OWN = "each way in has a key, a user and a team of its own, and each turn an id"
CLOCK = "it is a time"
# The columns that may differ between a turn over WebSocket and one over HTTP, and why.
SPEND_ROW = {
    "request_id": OWN,
    "session_id": OWN,
    "api_key": OWN,
    "team_id": OWN,
    "user": OWN,
    "startTime": CLOCK,
    "endTime": CLOCK,
    "completionStartTime": CLOCK,
    "created_at": CLOCK,
    "updated_at": CLOCK,
    "request_duration_ms": CLOCK,
}
METADATA = {
    "user_api_key": OWN,
    "user_api_key_team_id": OWN,
    "user_api_key_user_id": OWN,
    "litellm_call_id": OWN,
    "litellm_overhead_time_ms": CLOCK,
}
DAILY_ROW = {"id": OWN, "api_key": OWN, "created_at": CLOCK, "updated_at": CLOCK}
BY = {"User": {"user_id": OWN}, "Team": {"team_id": OWN}}
SUMS = """SELECT * FROM "LiteLLM_Daily{}Spend" WHERE api_key = :'token' ORDER BY date, model"""
SPENT = """SELECT k.spend AS key, t.spend AS team FROM "LiteLLM_VerificationToken" k
    JOIN "LiteLLM_TeamTable" t ON t.team_id = k.team_id WHERE k.token = :'token'"""
# A part of the reason that LiteLLM stores, and the turn's fields.
FAILURES = (
    ("asked for a 400", {"input": "TRIGGER400"}),
    ("asked for a 429", {"input": "TRIGGER429"}),
    ("asked for a 500", {"input": "TRIGGER500"}),
    ("ProxyException", {"model": "gpt-nope"}),
    ("ProxyException", {"model": "gpt-5.4"}),
)


def comparable(row, permitted):
    """Return a row without the columns that may differ."""
    return {name: value for name, value in row.items() if name not in permitted}


def comparable_spend(rows):
    """Return spend rows without the columns and metadata that may differ."""
    return [
        {**comparable(row, SPEND_ROW), "metadata": comparable(row["metadata"], METADATA)}
        for row in rows
    ]


async def new_key(side, **fields):
    """Return a new key of a new user in a new team."""
    user = await side.proxy.admin("/user/new", auto_create_key=False)
    team = await side.proxy.admin("/team/new")
    return await side.key(user_id=user["user_id"], team_id=team["team_id"], **fields)


async def query(side, sql, key):
    """Return the rows of a query for a key."""
    return await asyncio.to_thread(side.proxy.rows, sql, token=sides.token(key))


async def until(read, ready):
    """Read until `ready(rows)`; return the rows. LiteLLM writes its tables seconds apart."""
    deadline = time.monotonic() + sides.SECONDS
    while not ready(seen := await read()):
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.3)
    return seen


async def daily(side, key, turns):
    """Return a key's daily sums by user and by team, once they contain this many turns."""

    async def read():
        return {by: await query(side, SUMS.format(by), key) for by in BY}

    def ready(tables):
        counts = [sum(row["api_requests"] for row in rows) for rows in tables.values()]
        return min(counts) >= turns

    tables = await until(read, ready)
    return {by: [comparable(row, DAILY_ROW | BY[by]) for row in tables[by]] for by in BY}


async def spent(side, key, rows):
    """Return LiteLLM's totals of a key and its team, once both equal the sum of the rows."""
    total = pytest.approx(sum(row["spend"] for row in rows))
    read = await until(
        lambda: query(side, SPENT, key), lambda seen: seen[0]["key"] == seen[0]["team"] == total
    )
    return read[0]


def summary(rows):
    """Return the words for the table, such as "2 rows, 36 tokens, 0.000195 USD"."""
    count = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    tokens = sum(row["total_tokens"] for row in rows)
    return f"{count}, {tokens} tokens, {sum(row['spend'] for row in rows):f} USD"


@pytest.mark.parametrize("model", ["gpt-4o", "my-alias", "managed-5.4"])
async def test_spend(all_sides, note, model):
    """Two turns leave the same rows, sums and totals as over HTTP; a warm-up leaves nothing.

    Stock serves neither the alias nor the managed provider.
    """

    async def scenario(side):
        key = await new_key(side)
        async with side.talk(key) as talk:
            if side.name == "websocket":
                assert (await talk.turn(model=model, generate=False)).served
            for _ in range(2):
                assert (await talk.turn(model=model, user="customer")).served
        rows = await side.written(key, 2)
        if side.name == "stock":
            return rows, None, None
        return rows, await daily(side, key, 2), await spent(side, key, rows)

    asked = all_sides if model == "gpt-4o" else all_sides[:2]
    outcomes = await asyncio.gather(*map(scenario, asked))
    cells = {side.name: summary(seen[0]) for side, seen in zip(asked, outcomes, strict=True)}
    note(f"what 2 turns of {model} leave", **cells)
    (rows, sums, total), http = outcomes[:2]
    assert comparable_spend(rows) == comparable_spend(http[0])
    # The order of floating point additions differs.
    assert (sums, total) == (http[1], pytest.approx(http[2]))
    assert [row["total_tokens"] for row in rows] == [18, 18]
    assert [sum(row["api_requests"] for row in sums[by]) for by in BY] == [2, 2]
    assert (total["key"] > 0) == (model != "managed-5.4")  # the mock's other model has no price
    for stock, _, _ in outcomes[2:]:
        assert sum(row["total_tokens"] for row in stock) == 0


async def test_failures(all_sides, note):
    """A failed turn leaves the same row as over HTTP, with the provider's or LiteLLM's reason."""

    async def scenario(side):
        key = await new_key(side, models=["gpt-4o"])
        async with side.talk(key) as talk:
            served = [(await talk.turn(**fields)).served for _, fields in FAILURES]
        assert side.name == "stock" or not any(served)
        await asyncio.sleep(sides.WRITER_SECONDS)  # a surplus row would arrive within this time
        return await side.written(key, len(FAILURES))

    outcomes = await asyncio.gather(*map(scenario, all_sides))
    counts = [sum(row["status"] == "failure" for row in rows) for rows in outcomes]
    cells = {side.name: f"{count} failures" for side, count in zip(all_sides, counts, strict=True)}
    note(f"what {len(FAILURES)} failed turns leave", **cells)
    websocket, http, _ = outcomes
    assert comparable_spend(websocket) == comparable_spend(http)
    assert counts == [len(FAILURES), len(FAILURES), 0]
    for row, (reason, _) in zip(websocket, FAILURES, strict=True):
        assert reason in str(row["metadata"]["error_information"])
