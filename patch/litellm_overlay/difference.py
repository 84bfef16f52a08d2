"""What the pod would change in an endpoints.py: the decision, hashes and a unified diff. No I/O."""

from __future__ import annotations

import difflib
import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from endpoint_patch import edits, guard, plan, versions
from endpoint_patch.errors import (
    AnchorError,
    PatchVersionMissingError,
    PlanUnreadableError,
    UnknownStockFileError,
)
from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MODULE = "litellm/proxy/response_api_endpoints/endpoints.py"


@dataclass(frozen=True, slots=True)
class Difference:
    """What the guard decided, and what it would write.

    `decision` is patched or upstream-fixed; `upstream` and `known_as` as in the guard's report.
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
        """Return the number of lines that are new."""
        return sum(line.startswith("+") for line in self.diff.split("\n")[2:])

    @property
    def removed(self) -> int:
        """Return the number of stock lines that go."""
        return sum(line.startswith("-") for line in self.diff.split("\n")[2:])


def compare(
    found: bytes, patch_version: str, settings: Mapping[str, object], litellm_version: str | None
) -> Difference:
    """Return what the pod would do with this file; a patch of ours in it is undone first.

    `litellm_version` is the release it came from, if known. Raises NotInCatalogueError where the
    pod would refuse the file, and GuardError for other refusals.
    """
    try:
        version = versions.load(patch_version)
        stock = edits.undo(found)
        verdict = guard.decide(stock, litellm_version)
        outcome = guard.carry_out(
            stock,
            verdict,
            version,
            settings=plan.check_settings(settings),
            litellm_version=litellm_version,
            on_unknown="fail",
        )
    except PatchVersionMissingError as refusal:
        message = f"there is no patch version {patch_version}"
        raise NotInCatalogueError(
            message, "`litellm-overlay releases` tells what to pin"
        ) from refusal
    except (AnchorError, UnknownStockFileError) as refusal:
        raise NotInCatalogueError(refusal.message, refusal.hint) from refusal
    return Difference(
        decision=outcome.decision,
        message=outcome.message,
        hint=outcome.hint,
        upstream=verdict.state,
        known_as=verdict.known_as,
        litellm_version=litellm_version,
        patch_version=version.version,
        stock_sha256=hashlib.sha256(stock).hexdigest(),
        patched_sha256=hashlib.sha256(outcome.content).hexdigest(),
        diff=unified(stock, outcome.content),
    )


def unified(old: bytes, new: bytes) -> str:
    """Return a unified diff that `patch -p1` and `git apply` take; empty if nothing changes."""
    lines = difflib.diff_bytes(
        difflib.unified_diff,
        io.BytesIO(old).readlines(),  # not splitlines: a lone CR ends no line of a diff
        io.BytesIO(new).readlines(),
        f"a/{MODULE}".encode(),
        f"b/{MODULE}".encode(),
    )
    no_newline = b"\n\\ No newline at end of file\n"
    return b"".join(line if line.endswith(b"\n") else line + no_newline for line in lines).decode()


def parse_settings(given: Iterable[str]) -> dict[str, object]:
    """Return settings given as NAME=VALUE, or raise PlanUnreadableError.

    A value is JSON where it can be: `8000000` is a number, `http-fallback` a text.
    """
    settings: dict[str, object] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise PlanUnreadableError(f"{pair!r} is not NAME=VALUE.")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    plan.check_settings(settings)
    return settings
