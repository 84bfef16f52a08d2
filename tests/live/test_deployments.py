"""The bridge in proxies with unusual settings, on the newest release under test."""

from __future__ import annotations

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from pins import PINS
from support.client import connect, said, turn
from support.fleet import running

NEWEST = PINS["litellm-live"][-1]
BODY = {"model": "gpt-4o", "input": "hi", "store": False}


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Run a proxy with a root path and its own key header."""
    config = {"general_settings": {"litellm_key_header_name": "X-Team-Key"}}
    environ = {"SERVER_ROOT_PATH": "/llm"}
    with running(
        NEWEST, "2.0.0", tmp_path_factory.mktemp("odd"), config=config, environ=environ
    ) as live:
        yield live


@pytest.mark.parametrize("path", ["/llm/v1/responses", "/llm/responses", "/v1/responses"])
async def test_behind_a_root_path(odd, path):
    """With SERVER_ROOT_PATH each path that answers POST also answers WebSocket."""
    key = {"X-Team-Key": "Bearer sk-all-00000001", "Authorization": "Bearer unused"}
    async with httpx.AsyncClient(base_url=odd.proxy.url, timeout=30) as http:
        over_http = (await http.post(path, json=BODY, headers=key)).status_code
    async with connect(odd.proxy.ws_url + path, None, key) as socket:
        assert said(await turn(socket, **BODY))
    assert over_http == 200


async def test_a_key_header_of_its_own(odd):
    """Handshake and turns read the key from the configured header only."""
    url = f"{odd.proxy.ws_url}/llm/v1/responses"
    limited = {"X-Team-Key": "Bearer sk-limited-0001"}
    async with connect(url, None, {**limited, "Authorization": "Bearer sk-1234"}) as socket:
        assert said(await turn(socket, **BODY))
        assert (await turn(socket, **BODY | {"model": "gpt-5.4"}))[-1]["status"] == 400
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, "sk-all-00000001", {"X-Team-Key": "Bearer sk-wrong"})
    assert caught.value.response.status_code == 403


async def test_the_client_s_address_and_headers_reach_the_provider_as_over_http(odd):
    """The provider gets the same header names as over HTTP, without those of the upgrade."""
    key = {"X-Team-Key": "Bearer sk-all-00000001", "Authorization": "Bearer unused"}
    own = {"originator": "codex_exec", "session-id": "s1", "openai-beta": "responses_websockets=1"}
    since = len(odd.provider_log())
    async with connect(f"{odd.proxy.ws_url}/llm/v1/responses", None, {**key, **own}) as socket:
        assert said(await turn(socket, **BODY))
    async with httpx.AsyncClient(base_url=odd.proxy.url, timeout=30) as http:
        headers = {**key, "originator": "codex_exec", "session-id": "s1"}
        await http.post("/llm/v1/responses", json={**BODY, "stream": True}, headers=headers)
    websocket, http = (r["headers"] for r in odd.provider_log()[since:] if r["kind"] == "request")
    assert "upgrade" not in websocket
    assert websocket.keys() == http.keys()


@pytest.mark.parametrize("server", ["--run_gunicorn", "--run_hypercorn"])
async def test_under_another_server(tmp_path, server):
    """LiteLLM's other servers, gunicorn and hypercorn, refuse and serve as uvicorn does."""
    args = (server, "--num_workers", "1")
    with running(NEWEST, "2.0.0", tmp_path, extra_args=args) as live:
        with pytest.raises(InvalidStatus) as caught:
            await connect(live.ws_url, "sk-wrong")
        assert caught.value.response.status_code == 403
        async with connect(live.ws_url) as socket:
            assert (await turn(socket, **BODY, generate=False))[-1]["type"] == "response.completed"
            for _ in range(2):
                assert said(await turn(socket, **BODY))
            assert (await turn(socket, **BODY | {"input": "TRIGGERDROP"}))[-1]["status"] == 502
