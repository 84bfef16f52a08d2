"""Preview what the guard makes of an endpoints.py: decision, hashes, unified diff. No I/O."""

from __future__ import annotations

import difflib
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from endpoint_patch import compromised, decision, edits, plan, stock_file, versions
from endpoint_patch.errors import (
    AnchorError,
    PatchVersionMissingError,
    UnknownStockFileError,
)
from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = "litellm/proxy/response_api_endpoints/endpoints.py"
# An unknown file cannot be assigned to a release, so its gaps are not known either.
_UNKNOWN = {
    "handler": (
        "the file is not known, but its WebSocket handler is, and has upstream's fix",
        "set onFixed to patch for the bridge there",
    ),
    "ast": (
        "the file is not known, and has upstream's fix by its shape",
        "nobody has read its WebSocket handler, so the guard refuses it under onFixed patch",
    ),
}
_GAPS = "what such releases lack: litellm-overlay releases --state fixed"


@dataclass(frozen=True, slots=True)
class Difference:
    """The guard's decision on a file, and what it would write.

    `decision` is patched or upstream-fixed. `upstream` and `known_as` are as in the guard's report.
    `diff` is "" if nothing changes.
    """

    decision: str
    message: str
    hint: str
    upstream: str
    known_as: str | None
    litellm_version: str | None
    patch_version: str
    stock_sha256: str
    patched_sha256: str
    diff: str

    @property
    def added(self) -> int:
        """Return the number of added lines."""
        return sum(line.startswith("+") for line in self.diff.split("\n")[2:])

    @property
    def removed(self) -> int:
        """Return the number of removed stock lines."""
        return sum(line.startswith("-") for line in self.diff.split("\n")[2:])


def preview_patch(
    content: bytes,
    patch_version: str,
    settings: Mapping[str, object],
    litellm_version: str | None,
    on_fixed: str = "passthrough",
) -> Difference:
    """Return what the guard would do with a file. A patch of ours in the file is undone first.

    `litellm_version` is the release that the file comes from, if known. Raises NotInCatalogueError
    for an unknown patch version and for a file that the guard does not know. Raises GuardError for
    other refusals.
    """
    try:
        version = versions.load(patch_version)
        compromised.refuse([litellm_version] if litellm_version else [])
        stock = edits.undo(content)
        file = stock_file.identify(stock, litellm_version)
        outcome = decision.carry_out(
            stock,
            file,
            version,
            policy=plan.Policy(on_fixed),
            settings=plan.check_settings(settings),
            litellm_version=litellm_version,
        )
    except PatchVersionMissingError as refusal:
        message = f"there is no patch version {patch_version}"
        raise NotInCatalogueError(
            message, "`litellm-overlay releases` tells what to pin"
        ) from refusal
    except (AnchorError, UnknownStockFileError) as refusal:
        raise NotInCatalogueError(refusal.message, refusal.hint) from refusal
    message, hint = message_and_hint(outcome.decision, file.basis, outcome.message, outcome.hint)
    return Difference(
        decision=outcome.decision,
        message=message,
        hint=hint,
        upstream=file.state,
        known_as=file.known_as,
        litellm_version=litellm_version,
        patch_version=version.version,
        stock_sha256=file.sha256,
        patched_sha256=hashlib.sha256(outcome.content).hexdigest(),
        diff=unified(stock, outcome.content),
    )


def message_and_hint(decided: str, basis: str | None, message: str, hint: str) -> tuple[str, str]:
    """Return message and hint for a preview: our own for an unknown file that has upstream's fix.

    For any other file they are the guard's.
    """
    if decided != "upstream-fixed" or basis not in _UNKNOWN:
        return message, hint
    what, hint = _UNKNOWN[basis]
    return f"Nothing would be changed: {what}.", f"{hint}; {_GAPS}"


def patched_sha256(
    stock: bytes, version: str, settings: Mapping[str, object], litellm_version: str | None
) -> str:
    """Return the SHA-256 of a release's own file as patched with these settings."""
    checked = plan.check_settings(dict(settings))
    patched = edits.patch(stock, versions.load(version), checked, litellm_version)
    return hashlib.sha256(patched).hexdigest()


def unified(old: bytes, new: bytes) -> str:
    """Return a unified diff that `patch -p1` and `git apply` accept, "" if nothing changes."""
    lines = difflib.diff_bytes(
        difflib.unified_diff,
        io.BytesIO(old).readlines(),  # not splitlines: a lone CR ends no line of a diff
        io.BytesIO(new).readlines(),
        f"a/{MODULE}".encode(),
        f"b/{MODULE}".encode(),
    )
    no_newline = b"\n\\ No newline at end of file\n"
    return b"".join(line if line.endswith(b"\n") else line + no_newline for line in lines).decode()
