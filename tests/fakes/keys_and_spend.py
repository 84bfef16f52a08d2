"""A LiteLLM callback module: virtual keys without a database, and a record of what was spent.

Runs inside LiteLLM's process (config: `callbacks: ["keys_and_spend.handler"]`). LiteLLM reads a key
from its own cache before it asks the database, so that is where the keys are put; a stub stands
where the database client would be. All checks made of a key are LiteLLM's own.

KEYS_FILE   JSON {"generation": n, "keys": {key: fields of UserAPIKeyAuth}}; read every 100 ms.
            A key that is gone from it is revoked. "<KEYS_FILE>.seen" gets n once that is in force.
SPEND_LOG   JSON lines, one a finished call.
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
    """Writes one line a call."""

    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        """Refuse as an operator's hook, answer as a guardrail, or say which worker this is."""
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
        """Stand in for a guardrail that blocks what the model has begun to say."""
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
        """Append what LiteLLM would write to its spend table."""
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
    """Refuses before the call, where the configuration names it among its `guardrails`."""

    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        """Refuse what says so."""
        if "TRIGGERREFUSE" in str(data.get("input")):
            raise HTTPException(400, {"error": "refused by the guardrail"})
        return data


def keep_keys():
    """Keep LiteLLM's key cache in step with the file, for as long as the process lives."""
    in_force: dict[str, list[str]] = {}
    while True:
        time.sleep(0.1)
        if proxy_server.llm_router is None:  # not yet started
            continue
        if proxy_server.prisma_client is None:
            proxy_server.prisma_client = stub_of_prisma()
        wanted = json.loads(KEYS_FILE.read_text())
        cache = proxy_server.user_api_key_cache
        newer = hasattr(cache, "key_object_cache")  # from 1.106: keys in a part of its own, as JSON
        typed = {"model_type": UserAPIKeyAuth} if newer else {}
        cache = cache if newer else cache.in_memory_cache
        for key in in_force.keys() - wanted["keys"].keys():
            cache.delete_cache(hash_token(key))
        for key, fields in wanted["keys"].items():
            token = hash_token(key)
            # LiteLLM keeps a key's spend in this entry: it is rewritten only when it must be.
            if in_force.get(key) != fields or cache.get_cache(token, **typed) is None:
                entry = UserAPIKeyAuth(token=token, api_key=token, key_alias=key, **fields)
                entry.last_refreshed_at = time.time()
                cache.set_cache(token, entry, ttl=10**7, **typed)
        in_force = wanted["keys"]
        Path(f"{KEYS_FILE}.seen").write_text(str(wanted["generation"]))


def stub_of_prisma():
    """Return a database that knows no key and no conversation."""
    stub = MagicMock(name="prisma")
    stub.get_data = AsyncMock(return_value=None)
    stub.db.query_raw = AsyncMock(return_value=[])
    stub.jsonify_object = lambda data: data
    return stub


handler = Handler()
threading.Thread(target=keep_keys, daemon=True).start()
