"""A LiteLLM callback module: virtual keys without a database, and a log of spend.

It runs in LiteLLM's process (config: `callbacks: ["keys_and_spend.handler"]`). LiteLLM looks for a
key in its cache before the database, so this module writes the keys into the cache; a stub replaces
the database client. LiteLLM itself makes every check of a key.

KEYS_FILE   JSON {"generation": n, "keys": {key: fields of UserAPIKeyAuth}}; read every 100 ms.
            Removing a key revokes it. "<KEYS_FILE>.seen" gets n once this generation is in force.
SPEND_LOG   JSON lines, one per finished call.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from unittest.mock import AsyncMock, MagicMock

from fastapi import HTTPException
from litellm.integrations.custom_guardrail import CustomGuardrail, ModifyResponseException
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy import proxy_server
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.utils import hash_token

KEYS_FILE = Path(os.environ["KEYS_FILE"])
SPEND_LOG = Path(os.environ["SPEND_LOG"])


class Handler(CustomLogger):
    """A callback that logs calls and takes the part of hooks and guardrails."""

    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        """Refuse as an operator's hook, block as a guardrail, or return the worker's process id."""
        asked = str(data.get("input"))
        if "TRIGGERHOOK" in asked:
            raise HTTPException(400, {"error": "refused by the hook"})
        if "TRIGGERGUARDRAIL" in asked:
            message = "blocked by the guardrail"
            raise ModifyResponseException(message, data["model"], data, "test")
        if "TRIGGERWORKER" in asked:
            raise ModifyResponseException(str(os.getpid()), data["model"], data, "test")
        return data

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict, response, request_data
    ):
        """Act as a guardrail that blocks a response in mid-stream."""
        blocks = "TRIGGERBLOCKED" in str(request_data.get("input"))
        count = 0
        async for chunk in response:
            count += 1
            if blocks and count == 4:
                raise HTTPException(400, {"error": "blocked in mid-stream"})
            yield chunk

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        """Record a call that succeeded."""
        self.record("success", kwargs)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        """Record a call that failed."""
        self.record("failure", kwargs)

    def record(self, outcome, kwargs):
        """Append one line with the fields that LiteLLM writes to its spend table."""
        payload = kwargs.get("standard_logging_object") or {}
        metadata = payload.get("metadata") or {}
        line = {
            "outcome": outcome,
            "call_type": payload.get("call_type"),
            "model": payload.get("model"),
            "model_group": payload.get("model_group"),
            "prompt_tokens": payload.get("prompt_tokens"),
            "completion_tokens": payload.get("completion_tokens"),
            "cost": payload.get("response_cost"),
            "key_alias": metadata.get("user_api_key_alias"),
            "status": payload.get("status"),
            "error": payload.get("error_str"),
        }
        with SPEND_LOG.open("a") as log:
            log.write(json.dumps(line, default=str) + "\n")


class Guardrail(CustomGuardrail):
    """A guardrail that refuses before the call, if LiteLLM's configuration lists it."""

    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        """Refuse an input with TRIGGERREFUSE."""
        if "TRIGGERREFUSE" in str(data.get("input")):
            raise HTTPException(400, {"error": "refused by the guardrail"})
        return data


def keep_keys():
    """Keep LiteLLM's key cache equal to the keys file, until the process ends."""
    in_force: dict[str, list[str]] = {}
    while True:
        time.sleep(0.1)
        if proxy_server.llm_router is None:  # not yet started
            continue
        if proxy_server.prisma_client is None:
            proxy_server.prisma_client = stub_of_prisma()
        wanted = json.loads(KEYS_FILE.read_text())
        cache = proxy_server.user_api_key_cache
        newer = hasattr(cache, "key_object_cache")  # since 1.106: a separate cache for keys
        typed = {"model_type": UserAPIKeyAuth} if newer else {}
        cache = cache if newer else cache.in_memory_cache
        for key in in_force.keys() - wanted["keys"].keys():
            cache.delete_cache(hash_token(key))
        for key, fields in wanted["keys"].items():
            token = hash_token(key)
            # LiteLLM keeps the key's spend in this entry, so it is written only if it must change.
            if in_force.get(key) != fields or cache.get_cache(token, **typed) is None:
                entry = UserAPIKeyAuth(token=token, api_key=token, key_alias=key, **fields)
                entry.last_refreshed_at = time.time()
                cache.set_cache(token, entry, ttl=10**7, **typed)
        in_force = wanted["keys"]
        Path(f"{KEYS_FILE}.seen").write_text(str(wanted["generation"]))


def stub_of_prisma():
    """Return a stub of a database that has no keys and no conversations."""
    stub = MagicMock(name="prisma")
    stub.get_data = AsyncMock(return_value=None)
    stub.db.query_raw = AsyncMock(return_value=[])
    stub.jsonify_object = lambda data: data
    return stub


handler = Handler()
threading.Thread(target=keep_keys, daemon=True).start()
