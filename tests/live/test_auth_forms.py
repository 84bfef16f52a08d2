"""The forms of a key that stock and 1.0.0 accept at the handshake (issue 18456).

2.0.0 accepts the forms that POST accepts: test_doors.py.
"""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from support.client import connect

KEY = "sk-1234"
FORMS = {
    "bearer": ({"Authorization": f"Bearer {KEY}"}, None, 101),
    "bearer, two spaces": ({"Authorization": f"Bearer  {KEY}"}, None, 101),
    "api-key": ({"api-key": KEY}, None, 101),
    "subprotocol": ({}, ["realtime", f"openai-insecure-api-key.{KEY}"], 101),
    "bearer in lower case": ({"Authorization": f"bearer {KEY}"}, None, 403),
    "bare key": ({"Authorization": KEY}, None, 403),
    "basic": ({"Authorization": "Basic c2stMTIzNA=="}, None, 403),
    "empty bearer": ({"Authorization": "Bearer "}, None, 403),
    "x-api-key": ({"x-api-key": KEY}, None, 403),
    "x-litellm-api-key": ({"x-litellm-api-key": f"Bearer {KEY}"}, None, 403),
    "none": ({}, None, 403),
}


async def handshake(url, form):
    """Return the status of a handshake."""
    headers, subprotocols, _ = FORMS[form]
    options = {"subprotocols": subprotocols} if subprotocols else {}
    try:
        async with connect(url, None, headers, **options):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


@pytest.mark.parametrize("form", FORMS)
async def test_stock(stock, form):
    """Stock accepts these forms if the URL has `?model=`."""
    assert await handshake(f"{stock.ws_url}?model=gpt-4o", form) == FORMS[form][2]


@pytest.mark.parametrize("form", FORMS)
async def test_relay(relay, form):
    """1.0.0 accepts the same forms without `?model=`."""
    assert await handshake(relay.ws_url, form) == FORMS[form][2]


async def test_the_key_s_subprotocol_is_not_echoed(patched):
    """The server never selects the subprotocol with the key, which stock echoes in its answer."""
    offered = [f"openai-insecure-api-key.{KEY}", "realtime"]
    async with connect(patched.ws_url, None, {}, subprotocols=offered) as socket:
        assert socket.subprotocol == "realtime"
