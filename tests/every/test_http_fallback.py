"""`mode: http-fallback` on the newest release, which the same edit patches."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from litellm_overlay.local import codex_cli
from litellm_overlay.local.processes import MASTER_KEY
from litellm_overlay.responses import codex_config
from support.client import connect
from support.every_place import proxy_of
from support.every_release import BRIDGE, CODEX, NEWEST

pytestmark = pytest.mark.timeout(900)


async def test_codex_is_on_http_at_once(tmp_path):
    """The handshake gets 426 with and without a key, and Codex makes its turn by one POST."""
    with proxy_of(NEWEST, BRIDGE, tmp_path / "place", settings={"mode": "http-fallback"}) as live:
        for key in (MASTER_KEY, None):
            with pytest.raises(InvalidStatus) as caught:
                await connect(live.ws_url, key)
            assert caught.value.response.status_code == 426
        begin = live.proxy.log.stat().st_size
        config = codex_config.config(f"{live.proxy.url}/v1", "managed-5.4")
        run = codex_cli.run(codex_cli.install(CODEX[-1]), config, MASTER_KEY, "say hi")
        assert run.completed, run
        log = live.proxy.log.read_bytes()[begin:].decode(errors="replace")
        assert codex_cli.count_requests(log) == {"accepted": 0, "refused": 1, "posts": 1}
