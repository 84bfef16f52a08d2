"""Rate limits and parallel requests, which count turns by either way."""

from __future__ import annotations

import asyncio

from pins import PINS

STOCK = [True, True, True]


async def three_turns(side, key):
    """Make three turns on one connection; return the answers."""
    async with side.talk(key) as talk:
        return [await talk.turn() for _ in range(3)]


async def test_requests_a_minute(compare):
    """With two requests a minute, the third turn is refused."""

    async def scenario(side):
        return await three_turns(side, await side.key(rpm_limit=2))

    await compare("2 requests a minute of the key", scenario, [200, 200, 429], STOCK)


async def test_tokens_a_minute(compare, litellm):
    """A turn after the token limit is refused; each of the mock's turns has 18 tokens.

    Newer releases also refuse the turn that would exceed the limit, by either way.
    """
    later = litellm in PINS["litellm-database-fixed"]

    async def scenario(side):
        key = await side.key(tpm_limit=30)
        answers = []
        async with side.talk(key) as talk:
            for number in (1, 2):
                answers.append(await talk.turn())
                if side.name != "stock" and answers[-1].served:  # stock counts no tokens
                    await side.written(key, number)
            return [*answers, await talk.turn()]

    await compare(
        "30 tokens a minute of the key, 18 a turn",
        scenario,
        [200, 429 if later else 200, 429],
        STOCK,
    )


async def test_requests_a_minute_of_a_model(compare):
    """`model_rpm_limit` refuses a turn of that model; another model is served."""

    async def scenario(side):
        key = await side.key(model_rpm_limit={"gpt-4o": 1})
        async with side.talk(key) as talk:
            answers = [await talk.turn() for _ in range(2)]
            return [*answers, await talk.turn(model="gpt-5.4")]

    await compare("1 request a minute of one model", scenario, [200, 429, 200], STOCK)


async def test_parallel_requests(compare):
    """A second parallel turn is refused; after the first has ended it is served.

    Stock counts connections instead: it closes the second one without a reason.
    """

    async def scenario(side):
        key = await side.key(max_parallel_requests=1)
        async with side.talk(key) as first, side.talk(key) as second:
            running = asyncio.ensure_future(first.turn(input="TRIGGERPACED:30"))
            await asyncio.sleep(1.5)
            answers = [await second.turn()]
            answers.insert(0, await running)
            await asyncio.sleep(1)  # LiteLLM frees the slot after the answer's end
            return [*answers, await second.turn()]

    row = "a second turn at the same time, max_parallel_requests 1"
    await compare(row, scenario, [200, 429, 200], [True, False, False])


async def test_a_team_s_limit_counts_both_ways(all_sides, note):
    """A team's limit counts the turns of WebSocket and HTTP together."""
    websocket, http, _ = all_sides
    for order in ((websocket, http), (http, websocket)):
        team = (await websocket.proxy.admin("/team/new", rpm_limit=3))["team_id"]
        first, second = [side.talk(await side.key(team_id=team)) for side in order]
        async with first, second:
            statuses = [(await talk.turn()).status for talk in (first, second, first, second)]
        assert statuses == [200, 200, 200, 429]
    cells = {"websocket": "the 4th turn: 429", "http": "the 4th turn: 429", "stock": ""}
    note("3 requests a minute of a team, used both ways in turn", **cells)
