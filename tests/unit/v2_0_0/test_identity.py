"""The owner of a connection's share of the process."""

import types

from endpoint_patch.versions.v2_0_0.inserted.identity import owner_hash


def test_an_owner_is_whom_litellm_found():
    """The owner is a hash of the key or user that LiteLLM found, whatever form the client sent."""
    secret = b"s" * 32
    by_key = types.SimpleNamespace(api_key="sk-1234", user_id="u")
    by_user = types.SimpleNamespace(api_key=None, user_id="u")
    assert owner_hash(by_key, b"a", secret) == owner_hash(by_key, b"b", secret)
    assert owner_hash(by_user, b"a", secret) == owner_hash(by_user, b"b", secret)
    owners = {
        owner_hash(by_key, None, secret),
        owner_hash(by_key, None, b"another process's"),
        owner_hash(by_user, None, secret),
        owner_hash(None, b"a", secret),
        owner_hash(None, b"b", secret),
        owner_hash(object(), None, secret),
    }
    assert len(owners) == 6
    assert all(len(owner) == 16 and b"sk-1234" not in owner for owner in owners)
