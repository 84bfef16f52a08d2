"""Which endpoints.py is this? Told by its hash, its handler's digest or its shape, without I/O."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from endpoint_patch import syntax
from endpoint_patch.errors import AnchorError

FIXED = ("handshake-fixed", "fixed")


@dataclass(frozen=True, slots=True)
class StockFile:
    """Which file it is.

    `state` is affected, handshake-fixed, fixed, no-endpoint or unknown. `basis` says what told it:
    sha256, the file's own; handler, the digest of its WebSocket handler in a file that is not
    known; ast, its shape alone; None where nothing did. `known_as` names the releases that carry
    exactly this file. `handler_sha256` is None where there is no such handler.
    """

    state: str
    basis: str | None
    known_as: str | None
    sha256: str
    handler_sha256: str | None


def identify(stock: bytes, litellm_version: str | None) -> StockFile:
    """Tell what a stock endpoints.py is.

    Some releases share a file or a handler and differ elsewhere; then `litellm_version` tells them
    apart, and without it the answer is the more careful one.
    """
    sha256 = hashlib.sha256(stock).hexdigest()
    handler = _handler_digest(stock)
    runs = _table()["files"].get(sha256)
    if runs:
        started = [run for run in runs if _line(run["first"]) <= _line(litellm_version)]
        run = started[-1] if started else runs[0]
        first, last = run["first"], run["last"]
        known_as = first if first == last else f"{first} to {last}"
        return StockFile(run["state"], "sha256", known_as, sha256, handler)
    state, basis = _table()["handlers"].get(handler), "handler"
    if state is None and _has_upstreams_fix(stock):
        state, basis = "fixed", "ast"
    if state is None:
        return StockFile("unknown", None, None, sha256, handler)
    if state == "fixed" and _line(litellm_version) < _first_fixed():
        state = "handshake-fixed"
    return StockFile(state, basis, None, sha256, handler)


def compromised() -> tuple[str, ...]:
    """Return the malicious releases that this payload knows."""
    return tuple(_table()["compromised"])


def _handler_digest(stock: bytes) -> str | None:
    try:
        source = syntax.handler_source(stock)
    except AnchorError:
        return None
    return hashlib.sha256(source).hexdigest() if source else None


def _has_upstreams_fix(stock: bytes) -> bool:
    try:
        return syntax.model_is_optional(syntax.parse(stock))
    except AnchorError:
        return False


def _line(release: str | None) -> tuple[int, int]:
    """Return the release line, (1, 89) for "1.89.0rc1"; (0, 0) where there is none."""
    match = re.match(r"(\d+)\.(\d+)", release or "", re.ASCII)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _first_fixed() -> tuple[int, int]:
    runs = (run for entry in _table()["files"].values() for run in entry)
    return min(_line(run["first"]) for run in runs if run["state"] == "fixed")


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    """Return the known files, sha256 -> the runs of releases that carry it, in order.

    And the known handlers, sha256 -> affected or fixed, and the malicious releases.
    """
    text = resources.files("endpoint_patch").joinpath("stock_files.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
