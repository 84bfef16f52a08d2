"""Acceptance test of LiteLLM issue #25532: the flat frame, with no `?model=` in the URL."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from support.port_4000 import litellm_on_port_4000

LITELLM = "1.82.3"


async def snippet():
    """Run the report's snippet: its URL, key, model and calls; return the events."""
    async with connect(
        "ws://localhost:4000/v1/responses",
        additional_headers={"Authorization": "Bearer sk-1234"},
    ) as ws:
        await ws.send(
            json.dumps({"type": "response.create", "model": "gpt-5.4", "input": "Say hello"})
        )
        events = []
        async for message in ws:
            events.append(json.loads(message))
            if events[-1]["type"] in {"response.completed", "error"}:
                return events
    return events


async def test_the_snippet_fails_on_stock_litellm(tmp_path):
    """Stock refuses the handshake with HTTP 403, as reported."""
    with litellm_on_port_4000(LITELLM, None, tmp_path), pytest.raises(InvalidStatus) as refusal:
        await snippet()
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("patch", ["1.0.0", "2.0.0"])
async def test_the_snippet_runs_on_patched_litellm(patch, tmp_path):
    """With the patch the turn completes, with the model that the frame names."""
    with litellm_on_port_4000(LITELLM, patch, tmp_path) as live:
        events = await snippet()
    assert events[-1]["type"] == "response.completed", events[-1]
    assert "response.output_text.delta" in [event["type"] for event in events]
    asked = [record["body"] for record in live.provider_log() if "body" in record]
    assert [body["model"] for body in asked] == ["gpt-5.4"]
