"""The real Codex's behaviour for each status, over HTTP and over WebSocket: docs/statuses.md."""

from __future__ import annotations

import itertools
import time

import httpx
import pytest

from litellm_overlay.local import codex_cli
from litellm_overlay.local.processes import MASTER_KEY
from litellm_overlay.responses import codex_config
from pins import PINS
from support import matrix, statuses

pytestmark = pytest.mark.timeout(1800)

LITELLM = PINS["litellm-codex"][-1]
QUICK = "stream_max_retries = 1\nrequest_max_retries = 1\n"
TAGS = itertools.count(time.time_ns())
# The short form: statuses that were once reported as 400, and 429; only the newest Codex.
FEW = (404, 408, 409, 429)


def cell(live, version, status, way, kind):
    """Run one turn; return "completed" or "failed", and the number of provider calls."""
    prompt = f"TRIGGERONCE:{status}:t{next(TAGS)}" if kind == "once" else f"TRIGGERSTATUS:{status}"
    since = len(live.provider_log())
    url = f"{live.proxy.url}/v1"
    config = codex_config.config(url, "gpt-5.4", websockets=way == "WebSocket") + QUICK
    run = codex_cli.run(codex_cli.install(version), config, MASTER_KEY, prompt)
    calls = sum(record["kind"] == "request" for record in live.provider_log()[since:])
    return f"{'completed' if run.completed else 'failed'}, {calls}"


def status_over_http(live, status):
    """Return LiteLLM's HTTP status for a provider's status."""
    body = {"model": "gpt-5.4", "input": f"TRIGGERSTATUS:{status}", "stream": True}
    key = {"Authorization": f"Bearer {MASTER_KEY}"}
    url = f"{live.proxy.url}/v1/responses"
    return httpx.post(url, json=body, headers=key, timeout=30).status_code


def test_codex_does_over_websocket_as_over_http(fleet, request):
    """Each cell is as in docs/statuses.md, unless --write-docs writes it."""
    live = fleet.get(LITELLM, "2.0.0")
    small = matrix.is_small(request.config)
    told, cells = statuses.read()
    for status in FEW if small else statuses.STATUSES:
        assert status_over_http(live, status) == status
    seen = {
        (status, version, way, kind): cell(live, version, status, way, kind)
        for status in (FEW if small else statuses.STATUSES)
        for version in (statuses.VERSIONS[-1:] if small else statuses.VERSIONS)
        for way in statuses.WAYS
        for kind in (statuses.KINDS[:1] if small else statuses.KINDS)
    }
    if request.config.getoption("write_docs") and not small:
        statuses.write({status: status for status in statuses.STATUSES}, seen)
    else:
        assert seen == {key: cells[key] for key in seen}, f"after a look: {statuses.COMMAND}"
        assert told.keys() == set(statuses.STATUSES)
