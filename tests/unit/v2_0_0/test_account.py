"""The log line at the end of a connection."""

import json
import logging
import types

import pytest

from endpoint_patch.versions.v2_0_0.inserted.account import Account
from endpoint_patch.versions.v2_0_0.inserted.identity import owner_hash
from endpoint_patch.versions.v2_0_0.inserted.metrics import Metrics
from fakes.proxy_app import completed, sse
from support.client import close_code, hear, say

CREATE = {"type": "response.create", "model": "gpt-4o", "input": "hi"}
SESSION = "responses websocket: session "


def account():
    return Account(Metrics(logging.getLogger("account")))


def report(**fields):
    return {"outcome": "completed", "seconds": 1.5, "call_id": "c", "cost": None, **fields}


def test_it_sums_up_the_turns():
    """It sums up the turns' outcomes, cost and call ids, as far as LiteLLM reports them."""
    record = account()
    record.turn(report(call_id="c1", cost="2.5e-06"))
    record.turn(report(call_id="c2", cost=0.25))
    record.turn(report(call_id=None, outcome="error"))
    record.answered("warm_up")
    line = record.close(1001, b"\x0a\x0b")
    assert line.pop("seconds") >= 0
    assert line == {
        "key": "0a0b",
        "code": 1001,
        "turns": 3,
        "outcomes": {"completed": 2, "error": 1, "warm_up": 1},
        "cost": 0.2500025,
        "call_ids": ["c1", "c2"],
    }


@pytest.mark.parametrize("cost", ["much", "nan", "inf", [], {}])
def test_a_cost_that_is_no_number_costs_nothing(cost):
    """A cost that is not a number, which a provider may send, counts as 0."""
    record = account()
    record.turn(report(cost=cost))
    assert record.close(1000, b"")["cost"] == 0


def test_a_line_has_an_end():
    """The line of a connection with a thousand turns has at most 64 call ids."""
    record = account()
    for number in range(1000):
        record.turn(report(call_id=str(number)))
    line = record.close(1000, b"")
    assert (line["turns"], len(line["call_ids"])) == (1000, 64)


def sessions(caplog):
    """Return the parsed log lines of connections that have ended."""
    messages = [record.getMessage() for record in caplog.records]
    return [json.loads(each[len(SESSION) :]) for each in messages if each.startswith(SESSION)]


async def test_a_connection_leaves_one_line(proxy, caplog, tmp_path):
    """A connection leaves one line when it ends, with its close code, turns and call ids."""
    flag = tmp_path / "drain"
    with caplog.at_level(logging.INFO):
        async with proxy(drainFile=str(flag)) as (_app, dial), dial() as ws:
            for _ in range(2):
                await say(ws, CREATE)
                await hear(ws)
            assert sessions(caplog) == []
            flag.touch()
            assert await close_code(ws) == 1012
    (line,) = sessions(caplog)
    assert (line["code"], line["turns"], line["outcomes"]) == (1012, 2, {"completed": 2})


async def test_a_line_has_nothing_of_key_model_or_text(proxy, caplog):
    """The log contains no key, model or text of a client or provider."""

    async def answer(body):
        yield sse(completed("resp_SECRETID", sequence_number=1))

    with caplog.at_level(logging.INFO):
        async with proxy() as (app, dial):
            app.answer = answer
            app.good_keys["plain-SECRETKEY"] = None
            async with dial(headers={"Authorization": "Bearer plain-SECRETKEY"}) as ws:
                await say(ws, {**CREATE, "model": "SECRETMODEL", "input": "SECRETTEXT"})
                await hear(ws)
                await say(ws, "SECRETFRAME")
                await hear(ws)
    assert sessions(caplog)
    assert "SECRET" not in caplog.text


IDENTITIES = {
    "master key that does not begin with sk-": {"api_key": "plain-secret"},
    "custom auth": {"api_key": "customer-secret"},
    "JWT": {"api_key": None, "user_id": "somebody@example.com"},
    "virtual key": {"api_key": "8e1f" * 16},
}


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_a_key_is_known_by_a_hash_of_ours(identity):
    """A key appears as a hash with the process's secret, neither in clear nor as a plain hash."""
    known = identity["api_key"] or identity["user_id"]
    mine = owner_hash(types.SimpleNamespace(**identity), b"shown", b"secret of this process")
    other = owner_hash(types.SimpleNamespace(**identity), b"shown", b"secret of another")
    assert len(mine) == 16
    assert mine != other  # guessing the key does not confirm it
    assert known not in account().close(1000, mine)["key"]
