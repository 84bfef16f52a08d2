"""A module of our own, with the shape of code that the guard patches; no upstream text."""

from __future__ import annotations

import hashlib
from typing import Any

from endpoint_patch import syntax
from endpoint_patch.versions import PatchVersion

STOCK = b'''"""A small stand-in: \xc3\xa9 is two bytes, so columns and characters differ."""
import json
from elsewhere import *

import fastapi
from fastapi import Depends
from elsewhere import user_api_key_auth_websocket, verbose_proxy_logger

router = fastapi.APIRouter()


@router.post("/v1/responses")
async def over_http(request: Payload):
    return json.dumps(request)


@router.websocket("/v1/responses")
@router.websocket(
    "/responses",  # over several lines
)
async def over_websocket(
    websocket,
    model: str = fastapi.Query(..., description="which model"),
    user_api_key_dict=Depends(user_api_key_auth_websocket),
):
    await websocket.accept()
'''

FIXED = STOCK.replace(b"Query(...,", b"Query(None,")
SHARED = FIXED + b"# one file in two release lines\n"
REWRITTEN = FIXED.replace(b"await websocket.accept()", b"await check(websocket)")
NO_ENDPOINT = STOCK[: STOCK.index(b"@router.websocket")]

ATTACH_PART = b'''"""The least that a patch version can be."""
import json


def attach_litellm_overlay(*, router, settings, **others):
    router.attached = json.dumps(settings)
'''

MINIMAL = PatchVersion("9.0.0", "attach_litellm_overlay", (ATTACH_PART,))
SETTINGS = {"mode": "websocket", "drainFile": ""}


def with_part(part: bytes) -> PatchVersion:
    """Return a patch version that has one more part in front of the minimal one."""
    return PatchVersion("9.0.1", MINIMAL.attach, (part, ATTACH_PART))


def known_files() -> dict[str, Any]:
    """Return a table in the form of stock_files.json that lists the texts of this module."""
    runs = {
        STOCK: [("affected", "1.82.6", "1.88.6")],
        NO_ENDPOINT: [("no-endpoint", "1.82.0", "1.82.0")],
        SHARED: [("handshake-fixed", "1.89.0rc1", "1.89.7"), ("fixed", "1.90.0rc1", "1.91.0.dev2")],
    }
    handlers = {STOCK: "affected", FIXED: "fixed"}
    return {
        "compromised": ["1.82.7"],
        "files": {
            hashlib.sha256(text).hexdigest(): [
                {"state": state, "first": first, "last": last} for state, first, last in entry
            ]
            for text, entry in runs.items()
        },
        "handlers": {
            hashlib.sha256(syntax.handler_source(text) or b"").hexdigest(): state
            for text, state in handlers.items()
        },
    }
