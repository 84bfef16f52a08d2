"""What becomes of a stock file, without I/O: the table of `__main__`, and its sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from endpoint_patch import edits, syntax
from endpoint_patch.errors import AnchorError, UnknownStockFileError
from endpoint_patch.postconditions import verify
from endpoint_patch.stock_file import FIXED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from endpoint_patch.errors import GuardError
    from endpoint_patch.plan import Policy, Scalar
    from endpoint_patch.stock_file import StockFile
    from endpoint_patch.versions import PatchVersion

_WITHOUT = {
    "handshake-fixed": "Codex connects there, and can hang from the first turn on",
    "fixed": "Codex can still hang for 300 s where the provider is neither OpenAI nor Azure, and"
    " limits, budgets and a revoked key are looked at once a connection",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written, and why: decision is patched, upstream-fixed or passthrough."""

    decision: str
    content: bytes
    message: str
    hint: str = ""


def decide(file: StockFile, policy: Policy) -> str:
    """Return patched, upstream-fixed, passthrough or refused.

    A handler that nobody has reviewed is never replaced: it may hold a check that would be lost.
    """
    is_known, read = file.basis == "sha256", file.basis in ("sha256", "handler")
    if is_known and file.state in ("affected", "handshake-fixed"):
        return "patched"
    if file.state in FIXED:
        if policy.on_fixed == "passthrough":
            return "upstream-fixed"
        return "patched" if read else "refused"
    if policy.on_unknown == "passthrough":
        return "passthrough"
    expected = policy.on_unknown == "patch" and file.sha256 == policy.expected_sha256
    return "patched" if expected and file.basis == "handler" else "refused"


def carry_out(  # noqa: PLR0913 - one decision, everything it depends on
    stock: bytes,
    file: StockFile,
    version: PatchVersion,
    *,
    policy: Policy,
    settings: Mapping[str, Scalar],
    litellm_version: str | None,
) -> Outcome:
    """Return what is to be written for this file; nothing is written if this raises."""
    decision, name = decide(file, policy), _name(file, litellm_version)
    if decision == "patched":
        patched = edits.patch(stock, version, settings, litellm_version)
        verify(stock, patched, version)
        return Outcome(decision, patched, f"Patched {name} with {version.version}.")
    if decision == "upstream-fixed":
        return Outcome(
            decision,
            stock,
            f"Nothing changed: {name} has upstream's fix of the handshake; the overlay's settings"
            f" have no effect. {_WITHOUT[file.state]}.",
            "Set onFixed to patch for the bridge there, or remove the overlay.",
        )
    refusal = _refusal(stock, file, name, policy)
    if decision == "passthrough":
        message = f"NOT PATCHED, as onUnknown says passthrough. {refusal.message}"
        return Outcome(decision, stock, message, refusal.hint)
    raise refusal


def _refusal(stock: bytes, file: StockFile, name: str, policy: Policy) -> GuardError:
    if file.state == "no-endpoint":
        return UnknownStockFileError(
            f"{name} has no Responses WebSocket endpoint: there is nothing to patch.",
            "Remove the overlay, or move to a LiteLLM release that has the endpoint.",
        )
    if file.state in FIXED:
        return AnchorError(
            f"{name} has upstream's fix, but in a WebSocket handler that nobody has read"
            f" (sha256 {file.handler_sha256}): {_what_is_new(stock)}",
            "Set onFixed to passthrough, or take a litellm-overlay that knows this handler.",
        )
    whose = f"{name} with endpoints.py sha256 {file.sha256}"
    if policy.on_unknown == "patch" and file.sha256 != policy.expected_sha256:
        return UnknownStockFileError(
            f"{whose} is not the file that expectedSha256 names, {policy.expected_sha256}.",
            "Look at what changed in the image, then set expectedSha256 again.",
        )
    if policy.on_unknown == "patch":
        return AnchorError(f"{whose} cannot be patched: {_what_is_new(stock)}")
    if file.basis == "handler":
        return UnknownStockFileError(
            f"{whose} looks affected, but was altered or built between releases."
        )
    return UnknownStockFileError(
        f"{whose} does not have the endpoint this patch was made for: {_what_is_new(stock)}"
    )


def _what_is_new(stock: bytes) -> str:
    try:
        syntax.find_handler(syntax.parse(stock))
    except AnchorError as error:
        return error.message
    return (
        "its routes, arguments and dependency are the known ones, its text is not, and may hold a"
        " check that the patch would leave out."
    )


def _name(file: StockFile, litellm_version: str | None) -> str:
    if litellm_version:
        return f"LiteLLM {litellm_version}"
    return f"LiteLLM ({file.known_as or 'version unknown'})"
