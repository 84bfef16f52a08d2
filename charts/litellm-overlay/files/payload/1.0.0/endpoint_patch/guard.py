"""The decision, without I/O: which file is this, and what becomes of it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from endpoint_patch import edits, syntax
from endpoint_patch.errors import AnchorError, CompromisedReleaseError, UnknownStockFileError
from endpoint_patch.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from endpoint_patch.plan import Scalar
    from endpoint_patch.versions import PatchVersion

FIXED = ("handshake-fixed", "fixed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which file it is.

    `state` is affected, handshake-fixed, fixed, no-endpoint or unknown; `basis` is sha256 or ast,
    or None where neither told; `known_as` names the releases that carry exactly this file.
    """

    state: str
    basis: str | None = None
    known_as: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written, and why: decision is patched, upstream-fixed or passthrough."""

    decision: str
    content: bytes
    message: str
    hint: str = ""


def refuse_compromised(releases: Iterable[str]) -> None:
    """Raise CompromisedReleaseError if one of the installed releases is a malicious one."""
    compromised = sorted(set(releases) & set(_table()["compromised"]))
    if compromised:
        raise CompromisedReleaseError(
            f"LiteLLM {compromised[0]} is one of the two malicious releases of March 2026."
        )


def decide(stock: bytes, litellm_version: str | None) -> Verdict:
    """Tell what a stock endpoints.py is: by its hash, else by upstream's fix in its syntax.

    Some releases share one file and differ elsewhere; then `litellm_version` tells them apart,
    and without it the answer is the more careful one.
    """
    runs = _table()["files"].get(hashlib.sha256(stock).hexdigest())
    if runs:
        started = [run for run in runs if _line(run["first"]) <= _line(litellm_version)]
        run = started[-1] if started else runs[0]
        first, last = run["first"], run["last"]
        return Verdict(run["state"], "sha256", first if first == last else f"{first} to {last}")
    try:
        fixed = syntax.model_is_optional(syntax.parse(stock))
    except AnchorError:
        fixed = False
    if not fixed:
        return Verdict("unknown")
    return Verdict("fixed" if _line(litellm_version) >= _first_fixed() else FIXED[0], "ast")


def carry_out(  # noqa: PLR0913 - one decision, everything it depends on
    stock: bytes,
    verdict: Verdict,
    version: PatchVersion,
    *,
    settings: Mapping[str, Scalar],
    litellm_version: str | None,
    on_unknown: str,
) -> Outcome:
    """Return what is to be written for this file; nothing is written if this raises."""
    if verdict.state == "affected":
        patched = edits.patch(stock, version, settings, litellm_version)
        verify(stock, patched, version)
        message = f"Patched {_name(verdict, litellm_version)} with {version.version}."
        return Outcome("patched", patched, message)
    if verdict.state in FIXED:
        return _upstream_fixed(stock, verdict, litellm_version)
    refusal = _refusal(stock, verdict, litellm_version)
    if on_unknown == "passthrough":
        message = f"NOT PATCHED, as onUnknown says passthrough. {refusal.message}"
        return Outcome("passthrough", stock, message, refusal.hint)
    raise refusal


def _upstream_fixed(stock: bytes, verdict: Verdict, litellm_version: str | None) -> Outcome:
    name = _name(verdict, litellm_version)
    if verdict.state == "handshake-fixed":
        return Outcome(
            "upstream-fixed",
            stock,
            f"Nothing changed: {name} has upstream's fix of the handshake, but not of warm-up"
            " and aliases; the overlay's settings have no effect.",
            "Move to a release whose state is `fixed`, then remove the overlay.",
        )
    return Outcome(
        "upstream-fixed",
        stock,
        f"Nothing changed: {name} has upstream's fix; the overlay's settings have no effect.",
        "Remove the overlay.",
    )


def _refusal(stock: bytes, verdict: Verdict, litellm_version: str | None) -> UnknownStockFileError:
    name = _name(verdict, litellm_version)
    if verdict.state == "no-endpoint":
        return UnknownStockFileError(
            f"{name} has no Responses WebSocket endpoint: there is nothing to patch.",
            "Remove the overlay, or move to a LiteLLM release that has the endpoint.",
        )
    digest = hashlib.sha256(stock).hexdigest()
    try:
        syntax.find_handler(syntax.parse(stock))
    except AnchorError as error:
        why = f"does not have the endpoint this patch was made for. {error.message}"
    else:
        why = "looks affected, but was altered or built between releases."
    return UnknownStockFileError(f"{name} with endpoints.py sha256 {digest} {why}")


def _name(verdict: Verdict, litellm_version: str | None) -> str:
    if litellm_version:
        return f"LiteLLM {litellm_version}"
    return f"LiteLLM ({verdict.known_as or 'version unknown'})"


def _line(release: str | None) -> tuple[int, int]:
    """Return the release line, (1, 89) for "1.89.0rc1"; (0, 0) where there is none."""
    match = re.match(r"(\d+)\.(\d+)", release or "", re.ASCII)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _first_fixed() -> tuple[int, int]:
    runs = (run for entry in _table()["files"].values() for run in entry)
    return min(_line(run["first"]) for run in runs if run["state"] == "fixed")


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    """Return the known files: sha256 -> the runs of releases that carry it, in order."""
    text = resources.files("endpoint_patch").joinpath("stock_files.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
