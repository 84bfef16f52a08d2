"""The behaviour of stock LiteLLM that makes the patch necessary."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from support.client import connect, said, turn


async def test_a_handshake_without_a_model_is_refused(stock):
    """A handshake without `?model=` gets HTTP 403 with a good key: issue #25532."""
    with pytest.raises(InvalidStatus) as refusal:
        await connect(stock.ws_url)
    assert refusal.value.response.status_code == 403


async def test_a_handshake_with_a_model_is_accepted(stock):
    """With `?model=` the same key gets a turn, so only the parameter makes the difference."""
    async with connect(f"{stock.ws_url}?model=gpt-5.4") as socket:
        assert said(await turn(socket, model="gpt-5.4", input="hi")) == "Hello from the mock model."


async def test_a_frame_may_name_a_model_the_key_may_not_use(stock):
    """Stock checks the model of the URL only, so a mere handshake fix would open all models."""
    url = f"{stock.ws_url}?model=gpt-4o"
    async with connect(url, "sk-limited-0001") as socket:
        assert said(await turn(socket, model="gpt-5.4", input="hi")) == "Hello from the mock model."


async def test_a_key_limited_to_another_model_is_refused(stock):
    """LiteLLM itself checks the virtual keys of the tests."""
    with pytest.raises(InvalidStatus) as refusal:
        await connect(f"{stock.ws_url}?model=gpt-5.4", "sk-limited-0001")
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("key", ["sk-blocked-0001", "sk-budget-00001", "sk-unknown-0001"])
async def test_a_key_out_of_force_is_refused(stock, key):
    """A blocked key, one over budget and an unknown one get no socket."""
    with pytest.raises(InvalidStatus) as refusal:
        await connect(f"{stock.ws_url}?model=gpt-5.4", key)
    assert refusal.value.response.status_code == 403


async def test_a_revoked_key_is_refused(stock):
    """A key that is revoked while the proxy runs gets no further socket."""
    key = stock.new_key()
    async with connect(f"{stock.ws_url}?model=gpt-5.4", key) as socket:
        assert said(await turn(socket, model="gpt-5.4", input="hi"))
    stock.revoke(key)
    with pytest.raises(InvalidStatus):
        await connect(f"{stock.ws_url}?model=gpt-5.4", key)
