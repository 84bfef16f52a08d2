"""The config.toml with which the Codex CLI speaks to a proxy. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_VARIABLE = "LITELLM_KEY"


def config(
    base_url: str, model: str, query: Mapping[str, str] | None = None, *, websockets: bool = True
) -> str:
    """Return a config.toml for Codex to use a proxy, by default over WebSocket.

    `base_url` ends in /v1. `query` is added to every URL.
    """
    lines = [
        f"model = {json.dumps(model)}",
        'model_provider = "litellm"',
        "",
        "[model_providers.litellm]",
        'name = "LiteLLM"',
        f"base_url = {json.dumps(base_url)}",
        f'env_key = "{KEY_VARIABLE}"',
        'wire_api = "responses"',
        f"supports_websockets = {str(websockets).lower()}",
    ]
    if query:
        pairs = ", ".join(f"{name} = {json.dumps(value)}" for name, value in query.items())
        lines.append(f"query_params = {{ {pairs} }}")
    return "\n".join(lines) + "\n"
