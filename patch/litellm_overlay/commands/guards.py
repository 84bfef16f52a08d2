"""Run a patch version's guard on a file; for a released version, run the released guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from endpoint_patch import edits
from endpoint_patch.errors import AnchorError, UnknownStockFileError
from litellm_overlay.catalogue import patch_files
from litellm_overlay.errors import NotInCatalogueError, OverlayError
from litellm_overlay.local import released_guard
from litellm_overlay.overlay import preview

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_KNOWN = {AnchorError.exit_code, UnknownStockFileError.exit_code}


def preview_patch(
    content: bytes,
    version: str,
    settings: Mapping[str, object],
    litellm_version: str | None,
    on_fixed: str,
) -> preview.Difference:
    """Return what the pod would do with a file, after undoing any patch of ours in it.

    Raises NotInCatalogueError for an unknown file or version. Any other refusal is an OverlayError,
    or a GuardError if the version is not released.
    """
    if version not in patch_files.released():
        return preview.preview_patch(content, version, settings, litellm_version, on_fixed)
    stock = edits.undo(content)
    report, patched = _run(version, stock, settings, litellm_version, on_fixed)
    if report["exitCode"]:
        of = NotInCatalogueError if report["exitCode"] in _NOT_KNOWN else OverlayError
        raise of(report["message"], report["hint"] or "")
    message, hint = preview.message_and_hint(
        report["decision"], report["basis"], report["message"], report["hint"] or ""
    )
    return preview.Difference(
        decision=report["decision"],
        message=message,
        hint=hint,
        upstream=report["upstream"],
        known_as=report["knownAs"],
        litellm_version=litellm_version,
        patch_version=version,
        stock_sha256=report["stockSha256"],
        patched_sha256=report["patchedSha256"],
        diff=preview.unified(stock, patched),
    )


def patched_sha256(
    stock: bytes, version: str, guard_plan: Mapping[str, Any], litellm_version: str
) -> str:
    """Return the sha256 of what the guard makes from a release's own file.

    If the guard refuses: "" for a released patch version; GuardError for an unreleased one. From
    the pod's `guard_plan` this uses `settings` and, for a released version, `onFixed`.
    """
    settings = guard_plan.get("settings") or {}
    if version not in patch_files.released():
        return preview.patched_sha256(stock, version, settings, litellm_version)
    on_fixed = str(guard_plan.get("onFixed") or "passthrough")
    report, _ = _run(version, stock, settings, litellm_version, on_fixed)
    return report["patchedSha256"] or ""


def _run(
    version: str,
    stock: bytes,
    settings: Mapping[str, object],
    litellm_version: str | None,
    on_fixed: str,
) -> tuple[dict[str, Any], bytes]:
    plan = {"onFixed": on_fixed, "litellmVersion": litellm_version, "settings": dict(settings)}
    return released_guard.run(version, stock, plan)
