"""Keys that are bad, or become bad between turns; restrictions that LiteLLM does not enforce."""

from __future__ import annotations

import asyncio

import pytest

from support.sides import run

EXPIRES = 4  # seconds


async def block(side, key):
    """Block the key."""
    await side.proxy.admin("/key/block", key=key)


async def delete(side, key):
    """Delete the key."""
    await side.proxy.admin("/key/delete", keys=[key])


async def expire(side, key):
    """Wait until the key has expired."""
    await asyncio.sleep(EXPIRES + 1)


CHANGES = {"blocked": block, "deleted": delete, "expired": expire}


async def new_key(side, change):
    """Return a new key, which expires soon if that is the change."""
    return await side.key(**({"duration": f"{EXPIRES}s"} if change == "expired" else {}))


@pytest.mark.parametrize("change", CHANGES)
async def test_a_key_goes_bad_between_turns(compare, change):
    """A key that goes bad between turns is refused at the next one with LiteLLM's reason."""

    async def scenario(side):
        key = await new_key(side, change)
        async with side.talk(key) as talk:
            answers = [await talk.turn()]
            await CHANGES[change](side, key)
            return [*answers, await talk.turn()]

    await compare(f"a key {change} between turns", scenario, [200, 400], [True, True])


@pytest.mark.parametrize("change", [*CHANGES, "unknown"])
async def test_a_key_that_is_no_good(compare, change):
    """A bad key gets no turn, as over HTTP; a key that LiteLLM knows gets the reason."""

    async def scenario(side):
        key = "sk-unknown" if change == "unknown" else await new_key(side, change)
        if change != "unknown":
            await CHANGES[change](side, key)
        async with side.talk(key) as talk:
            return [await talk.turn()]

    status = 400 if change in ("blocked", "expired") else 403
    await compare(f"a key {change} before the handshake", scenario, [status], [False])


ROUTES = {
    "no route of the Responses API": {"allowed_routes": ["/v1/chat/completions"]},
    "the management routes alone (key_type)": {"key_type": "management"},
}


@pytest.mark.parametrize("routes", ROUTES)
async def test_routes_that_a_key_may_not_use(compare, routes):
    """A key for other routes gets no turn, as over HTTP, and gets the reason."""

    async def scenario(side):
        async with side.talk(await side.key(**ROUTES[routes])) as talk:
            return [await talk.turn()]

    await compare(f"a key for {routes}", scenario, [400], [False])


@pytest.mark.parametrize("fields", [{"allowed_routes": ["/v1/responses"]}, {"key_type": "llm_api"}])
async def test_routes_that_a_key_may_use(all_sides, fields):
    """A key for the Responses API only, or of type llm_api, is served by both ways."""

    async def scenario(side):
        async with side.talk(await side.key(**fields)) as talk:
            return [await talk.turn()]

    outcomes = await run(all_sides[:2], scenario)
    assert [answers[0].status for answers in outcomes.values()] == [200, 200]


async def test_another_user_s_response(all_sides, check):
    """A user cannot continue another user's response, but can continue their own.

    Stock is left out: the provider's own ids pass there, and the mock forgets them with the
    connection.
    """

    async def scenario(side):
        keys = [await side.key(user_id=f"{side.name}-{name}") for name in ("ann", "bob")]
        async with side.talk(keys[0]) as ann, side.talk(keys[1]) as bob:
            first = await ann.turn(store=True)
            again = {"store": True, "previous_response_id": first.response_id}
            return [first, await bob.turn(**again), await ann.turn(**again)]

    outcomes = await run(all_sides[:2], scenario)
    check("another user's previous_response_id", outcomes, [200, 400, 200])


async def block_team(side):
    """Return a key, no fields, and the request that blocks its team."""
    team = (await side.proxy.admin("/team/new"))["team_id"]
    return await side.key(team_id=team), {}, ("/team/block", {"team_id": team})


async def delete_team(side):
    """Return a key, no fields, and the request that deletes its team."""
    team = (await side.proxy.admin("/team/new"))["team_id"]
    return await side.key(team_id=team), {}, ("/team/delete", {"team_ids": [team]})


async def block_end_user(side):
    """Return a key, its requests' end user, and the request that blocks that user."""
    end_user = f"customer-of-{side.name}"
    await side.proxy.admin("/customer/new", user_id=end_user)
    return await side.key(), {"user": end_user}, ("/customer/block", {"user_ids": [end_user]})


CASES = {
    "a blocked team": block_team,
    "a deleted team": delete_team,
    "a blocked end user": block_end_user,
}


@pytest.mark.parametrize("case", CASES)
async def test_what_litellm_lets_pass(compare, case):
    """What LiteLLM does not enforce over HTTP is not enforced over WebSocket either."""

    async def scenario(side):
        key, fields, (path, body) = await CASES[case](side)
        async with side.talk(key) as talk:
            answers = [await talk.turn(**fields)]
            await side.proxy.admin(path, **body)
            return [*answers, await talk.turn(**fields)]

    await compare(f"{case}, between turns", scenario, [200, 200], [True, True])
