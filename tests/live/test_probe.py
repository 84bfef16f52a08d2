"""The verdicts of `probe` on real LiteLLM."""

from __future__ import annotations

import pytest

from litellm_overlay.local.processes import MASTER_KEY
from litellm_overlay.responses.diagnosis import diagnose


async def verdict_on(live, model="gpt-5.4", key=MASTER_KEY):
    """Return probe's diagnosis of a running proxy."""
    return await diagnose(live.proxy.url, key, model, timeout=30)


async def test_stock_is_told_by_its_defect(stock):
    """Stock gets the verdict "needs-model"."""
    assert (await verdict_on(stock)).verdict.name == "needs-model"


@pytest.mark.parametrize("key", ["sk-unknown-0001", "sk-blocked-0001"])
async def test_a_bad_key_is_not_taken_for_the_defect(stock, patched, key):
    """A bad key gets "key-refused", although stock answers both it and a missing model with 403."""
    assert (await verdict_on(stock, key=key)).verdict.name == "key-refused"
    assert (await verdict_on(patched, key=key)).verdict.name == "key-refused"


@pytest.mark.parametrize("model", ["gpt-5.4", "my-alias", "managed-5.4"])
async def test_the_bridge_works(bridge, model):
    """Every check passes on the bridge, also those that Codex can do without."""
    diagnosis = await verdict_on(bridge, model)
    assert diagnosis.works
    assert [check.name for check in diagnosis.checks if not check.ok] == []


async def test_the_relay_works_where_litellm_does(relay):
    """The relay works for a native model; the check of the error event fails, as on stock."""
    diagnosis = await verdict_on(relay)
    assert diagnosis.works
    failed = [check for check in diagnosis.checks if not check.ok]
    assert [(check.name, check.detail[:21]) for check in failed] == [
        ("error event", "closed with code 1011")
    ]


@pytest.mark.parametrize("model", ["my-alias", "managed-5.4"])
async def test_what_the_relay_leaves_as_it_is_is_found(relay, model):
    """On the relay an alias or a managed provider is "broken", by its warm-up's status 400."""
    diagnosis = await verdict_on(relay, model)
    assert diagnosis.verdict.name == "broken"
    failed = next(check for check in diagnosis.checks if not check.ok)
    assert failed.name == "warm-up"
    assert failed.detail.startswith("error event, status 400")
