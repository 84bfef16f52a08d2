"""Spent budgets of a key, team, user, team member and end user refuse the same turn."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from support import sides

TINY = 0.000_001  # USD; a turn of the mock's costs about 0.0001


async def key_budget(side):
    """Return a key with a budget of its own."""
    return await side.key(max_budget=TINY), {}


async def team_budget(side):
    """Return a key of a team with a budget."""
    team = await side.proxy.admin("/team/new", max_budget=TINY)
    return await side.key(team_id=team["team_id"]), {}


async def user_budget(side):
    """Return a key of a user with a budget."""
    user = await side.proxy.admin("/user/new", max_budget=TINY, auto_create_key=False)
    return await side.key(user_id=user["user_id"]), {}


async def member_budget(side):
    """Return a key of a user who has a budget in one team."""
    user = await side.proxy.admin("/user/new", auto_create_key=False)
    team = await side.proxy.admin("/team/new")
    member = {"role": "user", "user_id": user["user_id"]}
    added = {"member": member, "team_id": team["team_id"], "max_budget_in_team": TINY}
    await side.proxy.admin("/team/member_add", **added)
    return await side.key(team_id=team["team_id"], user_id=user["user_id"]), {}


async def end_user_budget(side):
    """Return a key, and the name of an end user with a budget for its requests."""
    end_user = f"customer-{uuid.uuid4()}"
    budget = await side.proxy.admin("/budget/new", max_budget=TINY)
    await side.proxy.admin("/customer/new", user_id=end_user, budget_id=budget["budget_id"])
    return await side.key(), {"user": end_user}


KINDS = {
    "key": key_budget,
    "team": team_budget,
    "user": user_budget,
    "team member": member_budget,
    "end user": end_user_budget,
}


@pytest.fixture(scope="module")
def outcomes(all_sides):
    """Return {kind: outcomes}. All budgets run at once, since each waits seconds for spend."""

    def scenario(prepare):
        async def scenario(side):
            key, fields = await prepare(side)
            answers = []
            async with side.talk(key) as talk:
                for number in range(3):
                    answers.append(await talk.turn(**fields))
                    served = sum(answer.served for answer in answers)
                    if answers[-1].served and number < 2:
                        await side.written(key, served)
            return answers

        return scenario

    async def all_kinds():
        runs = [sides.run(all_sides, scenario(prepare)) for prepare in KINDS.values()]
        return dict(zip(KINDS, await asyncio.gather(*runs), strict=True))

    return asyncio.run(all_kinds())


@pytest.mark.parametrize("kind", KINDS)
def test_a_spent_budget(outcomes, check, kind):
    """A spent budget refuses the second turn over WebSocket as over HTTP; stock serves it."""
    row = f"a spent budget of the {kind}"
    check(row, outcomes[kind], [200, 400, 400], [True] * 3)
