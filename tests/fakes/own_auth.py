"""An operator's own key check (`custom_auth: own_auth.check`), which reads the HTTP request."""

from __future__ import annotations

from litellm.proxy._types import UserAPIKeyAuth

KEY = "own-key"


async def check(request, api_key):
    """Accept KEY, in a header or a cookie, if the request is a POST from this machine."""
    assert request.method == "POST"
    assert request.client.host == "127.0.0.1"
    assert request.url.path == "/v1/responses"
    if KEY not in (api_key, request.cookies.get("token")):
        raise RuntimeError("not the key")
    return UserAPIKeyAuth(api_key=KEY)
