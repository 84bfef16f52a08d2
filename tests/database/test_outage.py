"""The database goes down during running turns, and comes back."""

from __future__ import annotations

import asyncio
import time

import httpx

from support.turns import assert_equal, in_words


async def is_up(proxy):
    """Tell whether LiteLLM reaches its database."""
    try:
        await proxy.admin("/key/generate")
    except (AssertionError, httpx.HTTPError):
        return False
    return True


async def one_turn(side, key):
    """Make a turn on a new connection; return its answer."""
    async with side.talk(key) as talk:
        return await talk.turn()


async def test_the_database_goes_down_and_comes_back(all_sides, postgres, note):
    """In an outage running turns and cached keys are served, and new keys are refused.

    When the database is back, all keys are served and spend is written again. LiteLLM may drop rows
    of the outage, over HTTP as well, so only the turns before and after surely leave a row.
    """
    both = all_sides[:2]
    known = [await side.key() for side in both]
    fresh = [await side.key() for side in both]
    talks = [side.talk(key) for side, key in zip(both, known, strict=True)]
    async with talks[0], talks[1]:
        first = [await talk.turn() for talk in talks]
        for side, key in zip(both, known, strict=True):
            await side.written(key, 1)
        running = [asyncio.ensure_future(talk.turn(input="TRIGGERPACED:30")) for talk in talks]
        await asyncio.sleep(1)
        postgres.down()
        try:
            during = await asyncio.gather(*running)
            after = [await talk.turn() for talk in talks]
            refused = [await one_turn(side, key) for side, key in zip(both, fresh, strict=True)]
        finally:
            postgres.up()
        deadline = time.monotonic() + 60
        while not await is_up(both[0].proxy):
            assert time.monotonic() < deadline, "LiteLLM does not find its database again"
            await asyncio.sleep(0.5)
        again = [await talk.turn() for talk in talks]
        served = [await one_turn(side, key) for side, key in zip(both, fresh, strict=True)]
    steps = {
        "a turn under which the database goes down": during,
        "the next turn of a key that LiteLLM has in its cache": after,
        "the first turn of a key while the database is down": refused,
        "the same key when it is up again": served,
    }
    for step, (websocket, http) in steps.items():
        note(step, websocket=in_words([websocket]), http=in_words([http]))
        assert_equal([websocket], [http])
    assert all(answer.served for answer in [*first, *during, *after, *again, *served])
    assert not any(answer.served for answer in refused)
    for side, key in zip(both, known, strict=True):
        rows = await side.written(key, 2)
        assert len(rows) <= 4
        assert all(row["spend"] > 0 for row in rows)
