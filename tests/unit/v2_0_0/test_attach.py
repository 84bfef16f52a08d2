"""The state of LiteLLM's modules that the bridge reads."""

import sys
import types

import pytest
from fastapi import APIRouter, Depends

from endpoint_patch.versions.v2_0_0.inserted.attach import (
    _is_keyless,
    _keeps_conversations,
    _post_paths,
)

NAME = "store_prompts_in_spend_logs"


@pytest.fixture
def litellm(monkeypatch):
    """Return a stand-in for LiteLLM's module proxy_server."""
    for name in ("litellm", "litellm.proxy", "litellm.proxy.proxy_server"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    module = sys.modules["litellm.proxy.proxy_server"]
    vars(sys.modules["litellm"])["proxy"] = sys.modules["litellm.proxy"]
    vars(sys.modules["litellm.proxy"])["proxy_server"] = module
    vars(module).update(general_settings=None, prisma_client=object())
    monkeypatch.delenv(NAME.upper(), raising=False)
    return module


@pytest.mark.parametrize(
    ("settings", "variable", "cold", "keeps"),
    [
        (None, None, None, False),  # a database alone does not store prompts
        ({NAME: False}, None, None, False),
        ({NAME: True}, None, None, True),
        ({NAME: "True"}, None, None, True),
        ({}, "true", None, True),
        ({}, "false", None, False),
        ({}, None, "s3", True),
    ],
)
def test_litellm_keeps_conversations_where_it_was_told_to(
    litellm, monkeypatch, settings, variable, cold, keeps
):
    """LiteLLM stores conversations by its configuration, its variable, or a cold storage."""
    vars(litellm)["general_settings"] = settings
    if variable:
        monkeypatch.setenv(NAME.upper(), variable)
    vars(sys.modules["litellm"])["cold_storage_custom_logger"] = cold
    assert _keeps_conversations() is keeps


def test_without_a_database_litellm_keeps_none(litellm):
    """Without a database LiteLLM stores none, whatever its configuration."""
    vars(litellm).update(prisma_client=None, general_settings={NAME: True})
    assert not _keeps_conversations()


@pytest.mark.parametrize(
    ("master_key", "custom_auth", "keyless"),
    [(None, None, True), ("sk-1234", None, False), (None, object(), False)],
)
def test_a_proxy_without_any_key_is_keyless(litellm, master_key, custom_auth, keyless):
    """A proxy is keyless without a master key and without an operator's own check."""
    vars(litellm).update(master_key=master_key, user_custom_auth=custom_auth)
    assert _is_keyless() is keyless


async def over_websocket():
    """Check a key at the handshake."""


async def user_api_key_auth():
    """Check a key of an HTTP request, in the same module."""


async def lenient():
    """Check nothing."""


async def post():
    """Answer."""


async def another():
    """Answer something else."""


def router_of(*routes):
    """Return a router with a WebSocket route and routes of (path, endpoint, method, checks)."""
    router = APIRouter()
    router.add_api_websocket_route("/v1/responses", post)
    for path, endpoint, method, checks in routes:
        guards = [*map(Depends, checks)]
        router.add_api_route(path, endpoint, methods=[method], dependencies=guards)
    return router


@pytest.mark.parametrize(
    ("path", "method", "checks", "runs"),
    [
        ("/v1/responses", "POST", [user_api_key_auth], True),
        ("/v1/responses", "POST", [lenient, user_api_key_auth], True),
        ("/v1/responses", "POST", [lenient], False),
        ("/v1/responses", "POST", [], False),
        ("/v1/responses", "GET", [user_api_key_auth], False),
        ("/responses", "POST", [user_api_key_auth], False),
    ],
)
def test_turns_go_through_litellms_own_check_or_it_does_not_start(path, method, checks, runs):
    """Without LiteLLM's own check on POST the bridge does not start.

    Each turn is a POST: otherwise only the handshake would check the key.
    """
    router = router_of((path, post, method, checks))
    if runs:
        assert _post_paths(router, over_websocket) == (["/v1/responses"], user_api_key_auth)
        return
    with pytest.raises(RuntimeError, match="is not guarded by its own user_api_key_auth"):
        _post_paths(router, over_websocket)


def test_a_door_is_where_post_is_served_and_guarded():
    """The paths are those of the guarded POST endpoint, not other or unguarded ones."""
    guarded = [user_api_key_auth]
    router = router_of(
        ("/v1/responses", post, "POST", guarded),
        ("/openai/v1/responses", post, "POST", guarded),
        ("/open/responses", post, "POST", [lenient]),
        ("/v1/responses/compact", another, "POST", guarded),
        ("/v1/responses/{id}", post, "GET", guarded),
    )
    assert _post_paths(router, over_websocket)[0] == ["/v1/responses", "/openai/v1/responses"]


def test_a_check_that_is_elsewhere_is_none(monkeypatch):
    """A check in another module than the handshake's is refused: nobody knows what it guards."""
    router = router_of(("/v1/responses", post, "POST", [user_api_key_auth]))
    monkeypatch.delitem(globals(), "user_api_key_auth")
    with pytest.raises(RuntimeError):
        _post_paths(router, over_websocket)
