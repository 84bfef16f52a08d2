"""A module of our own with the one shape that the guard patches; no text of upstream's."""

from __future__ import annotations

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

ATTACH_PART = b'''"""The least that a patch version can be."""
import json


def attach_litellm_overlay(*, router, settings, **others):
    router.attached = json.dumps(settings)
'''

MINIMAL = PatchVersion("9.0.0", "attach_litellm_overlay", (ATTACH_PART,))
SETTINGS = {"mode": "websocket", "drainFile": ""}


def with_part(part: bytes) -> PatchVersion:
    """Return the minimal patch version with one more part in front."""
    return PatchVersion("9.0.1", MINIMAL.attach, (part, ATTACH_PART))
