"""The bridge's samples in `/metrics`, on a real uvicorn with the real prometheus_client."""

import asyncio
import contextlib
import logging
import sys

import pytest
from fastapi import HTTPException
from prometheus_client import REGISTRY, Gauge
from websockets.exceptions import InvalidStatus

from endpoint_patch.versions.v2_0_0.inserted import metrics as module
from endpoint_patch.versions.v2_0_0.inserted.metrics import Metrics
from fakes.proxy_app import KeyRefused, completed, sse
from support.client import close_code, hear, say

CREATE = {"type": "response.create", "model": "gpt-4o", "store": False}
LOGGER = logging.getLogger("metrics")


async def becomes(numbers, expected, name, **labels):
    """Wait until a sample has a value; connections end a little after their clients."""
    for _ in range(200):
        if numbers(name, **labels) == expected:
            return
        await asyncio.sleep(0.02)
    raise AssertionError((name, labels, numbers(name, **labels)))


async def scripted(body):
    kind = body["input"]
    if kind == "waits":
        await asyncio.sleep(60)
    if kind == "early":
        yield sse({"type": "response.created", "response": {"id": "r"}})
        return
    yield sse(completed(**({"type": f"response.{kind}"} if kind != "completed" else {})))


async def test_turns_are_counted_by_how_they_ended(proxy, numbers):
    """Turns are counted by outcome, also refused ones; only requests have a duration."""
    async with proxy() as (app, dial), dial() as ws:
        app.answer = scripted
        for kind in ("completed", "completed", "failed", "incomplete", "early"):
            await say(ws, {**CREATE, "input": kind})
            while (await hear(ws))["type"] == "response.created":
                pass
        await say(ws, {**CREATE, "input": "waits"})
        while len(app.bodies) < 6:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await say(ws, {"type": "response.cancel"})
        assert (await hear(ws))["response"]["status"] == "cancelled"
        await say(ws, {**CREATE, "generate": False, "input": "hi"})
        for _ in range(2):
            await hear(ws)
        await say(ws, "no JSON")
        await hear(ws)
        counted = {"completed": 2, "failed": 1, "incomplete": 1, "error": 1, "cancelled": 1}
        for outcome in module.OUTCOMES:
            expected = {**counted, "warm_up": 1, "refused": 1, "client_left": 0}[outcome]
            await becomes(numbers, expected, "turns_total", outcome=outcome)
        assert numbers("turn_duration_seconds_count") == 6
        await say(ws, {**CREATE, "input": "waits"})
        while len(app.bodies) < 7:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await becomes(numbers, 1, "turns_total", outcome="client_left")


async def test_connections_are_counted_while_they_are_open(proxy, numbers, tmp_path):
    """Open connections are a gauge, ended ones a counter by close code."""
    flag = tmp_path / "drain"
    async with proxy(drainFile=str(flag)) as (_app, dial):
        async with dial(), dial() as ws:
            await becomes(numbers, 2, "connections")
            await say(ws, "x" * 17_000_000)
            assert await close_code(ws) == 1009
            await becomes(numbers, 1, "closes_total", code="1009")
        await becomes(numbers, 1, "closes_total", code="1000")
        await (await dial()).close(4321)
        await becomes(numbers, 1, "closes_total", code="other")
        (await dial()).transport.abort()
        await becomes(numbers, 4, "connection_duration_seconds_count")
        # Servers report a vanished connection differently.
        assert sum(numbers("closes_total", code=code) for code in ("1005", "1006")) == 1
        async with dial() as ws:
            flag.touch()
            assert await close_code(ws) == 1012
        await becomes(numbers, 1, "closes_total", code="1012")
        await becomes(numbers, 0, "connections")
        assert numbers("connection_duration_seconds_count") == 5


async def test_nothing_is_held_when_nobody_is_connected(proxy, numbers):
    """The history gauge follows the memory, and returns to 0 with the last connection."""
    async with proxy() as (_app, dial):
        async with dial() as ws:
            await say(ws, {**CREATE, "generate": False, "input": "x" * 10_000})
            for _ in range(2):
                await hear(ws)
            await say(ws, {**CREATE, "input": "hi"})
            await hear(ws)
            assert numbers("history_bytes") > 10_000
        await becomes(numbers, 0, "history_bytes")


@pytest.mark.parametrize(
    ("key", "query", "refusal", "reason"),
    [
        ("sk-wrong", "", None, "key"),
        ("sk-1234", "?model=%22", None, "model"),
        ("sk-1234", "", HTTPException(429), "limit"),
        ("sk-1234", "", ZeroDivisionError(), "fault"),
        ("sk-1234", "", KeyRefused(400, "budget_exceeded", "spent"), "budget"),
    ],
)
async def test_refused_handshakes_are_counted_by_why(proxy, numbers, key, query, refusal, reason):
    """Refused handshakes are counted by a fixed set of reasons, with or without an event."""
    async with proxy() as (app, dial):
        if refusal:
            app.refusals[key] = refusal
        with contextlib.suppress(InvalidStatus):
            async with dial(f"/v1/responses{query}", {"Authorization": f"Bearer {key}"}) as ws:
                assert (await hear(ws))["type"] == "error"
                assert await close_code(ws) == 1008
        for each in module.REASONS:
            assert numbers("handshakes_refused_total", reason=each) == (each == reason)
        assert not numbers("connections")


async def test_what_is_not_spoken_here_is_counted(proxy, numbers):
    """In mode http-fallback refused handshakes are counted by their own reason."""
    async with proxy(mode="http-fallback") as (_app, dial):
        with pytest.raises(InvalidStatus):
            await dial()
        assert numbers("handshakes_refused_total", reason="http_fallback") == 1


async def test_asking_again_for_a_key_is_no_handshake(proxy, numbers):
    """A key lost between turns does not count as a refused handshake."""
    async with proxy() as (app, dial), dial() as ws:
        del app.good_keys["sk-1234"]
        await say(ws, {**CREATE, "input": "hi"})
        assert (await hear(ws))["error"]["type"] == "auth_error"
        assert await close_code(ws) == 1008
        assert numbers("handshakes_refused_total", reason="key") in (None, 0)


def names():
    return {
        sample.name
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name.startswith("litellm_overlay_")
    }


def test_nothing_is_registered_before_the_first_handshake(numbers):
    """Nothing is registered before a handshake: LiteLLM sets up multiprocess mode earlier."""
    metrics = Metrics(LOGGER)
    assert names() == set()
    metrics.opened()
    assert "litellm_overlay_connections" in names()


def test_labels_are_of_closed_sets(numbers):
    """Labels come from fixed sets; an unknown code or outcome becomes "other"."""
    metrics = Metrics(LOGGER)
    metrics.turn("sk-secret")
    metrics.closed(4711, 1.0)
    values = {
        value
        for metric in REGISTRY.collect()
        if metric.name.startswith("litellm_overlay_")
        for sample in metric.samples
        for name, value in sample.labels.items()
        if name != "le"
    }
    assert values == {*module.OUTCOMES, *module.REASONS, *module._CODES, "other"}


def test_a_second_registration_stops_nothing(numbers, caplog):
    """A second registration leaves the first one's counts, with one warning."""
    first, second = Metrics(LOGGER), Metrics(LOGGER)
    first.opened()
    for _ in range(2):
        second.opened()
        second.turn("completed", 1.0)
    first.opened()
    assert numbers("connections") == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_name_that_is_taken_stops_nothing(numbers, caplog):
    """A name that is already registered costs the metric and one log line, nothing more."""
    Gauge("litellm_overlay_connections", "Not ours.")
    metrics = Metrics(LOGGER)
    metrics.opened()
    assert numbers("connections") == 0
    assert len(caplog.records) == 1


def test_a_number_that_cannot_be_kept_stops_nothing(numbers, monkeypatch, caplog):
    """A sample that cannot be written, as on a full disk, is logged once and tried again."""
    metrics = Metrics(LOGGER)
    metrics.opened()
    with monkeypatch.context() as patch:
        patch.setattr(Gauge, "inc", lambda *_: 1 / 0)
        for _ in range(3):
            metrics.opened()
    metrics.opened()
    assert numbers("connections") == 2
    assert len(caplog.records) == 1


def test_without_prometheus_client_there_is_nothing_to_tell(monkeypatch, caplog):
    """Without prometheus_client nothing is counted or logged; LiteLLM has no /metrics either."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    metrics = Metrics(LOGGER)
    metrics.opened()
    metrics.closed(1000, 1.0)
    assert caplog.records == []
