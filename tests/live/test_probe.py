"""The verdicts of `probe` on real LiteLLM."""

from __future__ import annotations

import pytest

from litellm_overlay.local.processes import MASTER_KEY
from litellm_overlay.responses.diagnosis import diagnose


async def verdict_on(live, model="gpt-5.4", key=MASTER_KEY):
    """Return the diagnosis of a running proxy."""
    return await diagnose(live.proxy.url, key, model, timeout=30)


async def test_stock_is_told_by_its_defect(stock):
    """Refused without `?model=`, accepted with it."""
    assert (await verdict_on(stock)).verdict.name == "needs-model"


@pytest.mark.parametrize("key", ["sk-unknown-0001", "sk-blocked-0001"])
async def test_a_bad_key_is_not_taken_for_the_defect(stock, patched, key):
    """LiteLLM answers 403 for both; `?model=` tells them apart."""
    assert (await verdict_on(stock, key=key)).verdict.name == "key-refused"
    assert (await verdict_on(patched, key=key)).verdict.name == "key-refused"


@pytest.mark.parametrize("model", ["gpt-5.4", "my-alias", "managed-5.4"])
async def test_the_bridge_works(bridge, model):
    """Every check passes, the ones that Codex does without included."""
    diagnosis = await verdict_on(bridge, model)
    assert diagnosis.works
    assert [check.name for check in diagnosis.checks if not check.ok] == []


async def test_the_relay_works_where_litellm_does(relay):
    """A native provider's model under its own name; an unknown one gets a close, as on stock."""
    diagnosis = await verdict_on(relay)
    assert diagnosis.works
    failed = [check for check in diagnosis.checks if not check.ok]
    assert [(check.name, check.detail[:21]) for check in failed] == [
        ("error event", "closed with code 1011")
    ]


@pytest.mark.parametrize("model", ["my-alias", "managed-5.4"])
async def test_what_the_relay_leaves_as_it_is_is_found(relay, model):
    """The warm-up fails, and Codex could see it: the event has a status."""
    diagnosis = await verdict_on(relay, model)
    assert diagnosis.verdict.name == "broken"
    failed = next(check for check in diagnosis.checks if not check.ok)
    assert failed.name == "warm-up"
    assert failed.detail.startswith("error event, status 400")
