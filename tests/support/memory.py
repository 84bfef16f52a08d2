"""The table of docs/memory.md: how much of a conversation reaches the provider."""

from __future__ import annotations

from pins import ROOT

DOCS = ROOT / "docs" / "memory.md"
# Our proxies' models, by provider; and the fields of a turn, by its `store`.
MODELS = {"`openai/`": "gpt-4o", "`hosted_vllm/`": "managed-5.4", "`deepseek/`": "chat-5.4"}
STORES: dict[str, dict[str, bool]] = {
    "unset": {},
    "true": {"store": True},
    "false": {"store": False},
}


def read() -> list[tuple[str, str, str, str]]:
    """Return (model, store, outcome on one connection, outcome after a reconnect) of each row."""
    lines = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(MODELS[provider], store, one, lost) for provider, store, one, lost, _ in rows]
