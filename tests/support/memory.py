"""The table of docs/memory.md: what the provider gets of a conversation."""

from __future__ import annotations

from pins import ROOT

DOCS = ROOT / "docs" / "memory.md"
# The models of our proxies, by the provider behind them, and what a turn says of `store`.
MODELS = {"`openai/`": "gpt-4o", "`hosted_vllm/`": "managed-5.4", "`deepseek/`": "chat-5.4"}
STORES: dict[str, dict[str, bool]] = {
    "unset": {},
    "true": {"store": True},
    "false": {"store": False},
}


def read() -> list[tuple[str, str, str, str]]:
    """Return (model, store, on one connection, reconnected) of each row."""
    lines = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(MODELS[provider], store, one, lost) for provider, store, one, lost, _ in rows]
