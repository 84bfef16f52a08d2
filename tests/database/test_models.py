"""The models of a key and of its team, and changes to them under an open connection."""

from __future__ import annotations

BOTH = ["gpt-4o", "gpt-5.4"]


async def turns(talk, *models):
    """Make a turn with each model; return the answers."""
    return [await talk.turn(model=model) for model in models]


async def test_models_of_a_key(compare):
    """A model that the key may not use is refused, and the next turn is served."""

    async def scenario(side):
        key = await side.key(models=["gpt-4o"])
        async with side.talk(key) as talk:
            return await turns(talk, "gpt-4o", "gpt-5.4", "gpt-4o")

    await compare("a model that the key may not use", scenario, [200, 400, 200], [True] * 3)


async def test_models_of_a_team(compare):
    """A model that the key's team may not use is refused."""

    async def scenario(side):
        team = (await side.proxy.admin("/team/new", models=["gpt-4o"]))["team_id"]
        async with side.talk(await side.key(team_id=team)) as talk:
            return await turns(talk, "gpt-4o", "gpt-5.4", "gpt-4o")

    await compare("a model that the team may not use", scenario, [200, 400, 200], [True] * 3)


async def test_models_of_a_key_change(compare):
    """A model taken from the key is refused from the connection's next turn on."""

    async def scenario(side):
        key = await side.key(models=BOTH)
        async with side.talk(key) as talk:
            before = await turns(talk, "gpt-5.4")
            await side.proxy.admin("/key/update", key=key, models=["gpt-4o"])
            return before + await turns(talk, "gpt-5.4", "gpt-4o")

    await compare("a model taken from the key between turns", scenario, [200, 400, 200], [True] * 3)


async def test_models_of_a_team_change(compare):
    """Models given to or taken from the team take effect at the next turn."""

    async def scenario(side):
        team = (await side.proxy.admin("/team/new", models=["gpt-4o"]))["team_id"]
        async with side.talk(await side.key(team_id=team)) as talk:
            answers = await turns(talk, "gpt-5.4")
            await side.proxy.admin("/team/update", team_id=team, models=BOTH)
            answers += await turns(talk, "gpt-5.4")
            await side.proxy.admin("/team/update", team_id=team, models=["gpt-4o"])
            return answers + await turns(talk, "gpt-5.4", "gpt-4o")

    statuses = [400, 200, 400, 200]
    await compare(
        "a model given to and taken from the team between turns", scenario, statuses, [True] * 4
    )
