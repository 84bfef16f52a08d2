"""Patch LiteLLM's endpoints.py, in an init container of the stock image or on a laptop.

    python -S -s -m endpoint_patch [PLAN]

PLAN is the path of a JSON file, or `-` for stdin. Without it the environment variable
LITELLM_OVERLAY_PLAN holds the JSON text. Any Python from 3.10 on will do; only its standard
library is used, and with -S no .pth file of the image runs before the check for malware. The
plan's keys:

    patchVersion            "2.0.0"; required
    outputPath              where the result goes; required; mode 0444
    modulePath              the path that the proxy container mounts the result over;
                            null: do not compare
    sourcePath              patch this file; null: ask the `litellm` command on PATH where it is
    litellmVersion          the release of sourcePath, if known; only together with it
    reportPath              default: report.json beside the output
    terminationMessagePath  default: null, none
    onUnknown               "fail" (default) or "passthrough": what to do with a file that is
                            neither one to patch nor fixed by upstream
    settings                mode "websocket" (default) or "http-fallback"; maxMessageBytes
                            (16000000); firstMessageTimeoutSeconds (0: off);
                            sessionLifetimeSeconds (3600; 0: off); drainFile ("": off)

The report, a JSON object, is written for every plan that says where; null stands for what is not
known. The termination message is the same on one line of at most 4096 bytes.

    decision        patched, upstream-fixed (the original bytes were written), passthrough (the
                    same, for an unknown file), refused or crashed (nothing was written)
    upstream        affected, handshake-fixed, fixed, no-endpoint or unknown
    basis           sha256 or ast: what told `upstream`
    knownAs         the releases that carry exactly this file
    stockSha256     of the file that was found, any patch of ours undone
    patchedSha256   of what was written
    modulePath      where LiteLLM's endpoints.py was found
    python          the version of the Python that runs LiteLLM
    and exitCode, message, hint, patchVersion, litellmVersion, milliseconds

Exit codes:

     0  written                            15  could not write
     1  a fault in this program            16  the proxy mounts over another path
    10  plan unreadable                    17  compromised LiteLLM release
    11  module not found                   18  stale bytecode would hide the patch
    12  unknown stock file                 19  patch version not in this payload
    13  anchor missing or ambiguous        20  Python older than 3.10
    14  verification failed
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from endpoint_patch import edits, guard, plan, report, versions
from endpoint_patch.errors import (
    GuardError,
    ModuleNotFoundInImageError,
    OldPythonError,
    PlanUnreadableError,
    StaleBytecodeError,
    WrongModulePathError,
)
from endpoint_patch.install import install, write_message
from endpoint_patch.locate import Located, locate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_OLDEST_PYTHON = (3, 10)


def main(arguments: Sequence[str]) -> int:
    """Run, report, say one sentence, and return the exit code; an operator sees no traceback."""
    if set(arguments) & {"-h", "--help"}:
        _say(sys.stdout, __doc__ or "")
        return 0
    started = time.monotonic()
    facts = report.blank()
    raw: dict[str, object] = {}
    try:
        raw = plan.decode(_plan_text(arguments))
        run(plan.check(raw), facts)
    except GuardError as error:
        _refuse(facts, "refused", error)
    except Exception as error:  # noqa: BLE001 - the boundary; a fault of ours is one line as well
        _refuse(facts, "crashed", _fault(error))
    facts["milliseconds"] = round((time.monotonic() - started) * 1000)
    _write_reports(raw, facts)
    _tell(facts)
    return int(str(facts["exitCode"]))


def run(order: plan.Plan, facts: report.Report) -> None:
    """Carry out the plan; `facts` gathers the report, so that a refusal tells what was known."""
    version = versions.load(order.patch_version)
    facts["patchVersion"] = version.version
    found = _find(order)
    facts["modulePath"], facts["python"] = found.path, found.python
    facts["litellmVersion"] = found.litellm_version
    guard.refuse_compromised(found.versions)
    _require_mounted_path(order.module_path, found.path)
    stock = edits.undo(_read(found.path))
    facts["stockSha256"] = hashlib.sha256(stock).hexdigest()
    verdict = guard.decide(stock, found.litellm_version)
    facts["upstream"], facts["basis"] = verdict.state, verdict.basis
    facts["knownAs"] = verdict.known_as
    outcome = guard.carry_out(
        stock,
        verdict,
        version,
        settings=order.settings,
        litellm_version=found.litellm_version,
        on_unknown=order.on_unknown,
    )
    if found.shadow and outcome.decision == "patched":
        raise StaleBytecodeError(f"Python would import {found.shadow} and ignore the patched file.")
    if outcome.decision == "patched" and _minor(found.python) < _OLDEST_PYTHON:
        raise OldPythonError(f"LiteLLM runs on Python {found.python}; the patch needs 3.10.")
    install(order.output_path, outcome.content)
    facts["decision"], facts["exitCode"] = outcome.decision, 0
    facts["message"], facts["hint"] = outcome.message, outcome.hint or None
    facts["patchedSha256"] = hashlib.sha256(outcome.content).hexdigest()


def _minor(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split(".")[:2])


def _plan_text(arguments: Sequence[str]) -> str | bytes:
    if len(arguments) > 1:
        raise PlanUnreadableError("At most one argument, the plan, is allowed.")
    if not arguments:
        text = os.environ.get("LITELLM_OVERLAY_PLAN")
        if not text:
            raise PlanUnreadableError("No plan is given, and LITELLM_OVERLAY_PLAN is empty.")
        return text
    if arguments[0] == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(arguments[0]).read_bytes()
    except OSError as error:
        raise PlanUnreadableError(f"Could not read {arguments[0]}: {error.strerror}.") from error


def _find(order: plan.Plan) -> Located:
    if order.source_path is None:
        return locate()
    release = order.litellm_version
    python = ".".join(map(str, sys.version_info[:3]))
    return Located(order.source_path, release, (release,) if release else (), python, None)


def _require_mounted_path(mounted: str | None, found: str) -> None:
    """Refuse another path: a file mounted there is never imported, and nothing would say so."""
    if mounted and Path(mounted).resolve() != Path(found).resolve():
        raise WrongModulePathError(
            f"The proxy imports {found}, but the overlay is mounted over {mounted}.",
            f"Set modulePath to {found}.",
        )


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModuleNotFoundInImageError(f"Could not read {path}: {error.strerror}.") from error


def _refuse(facts: report.Report, decision: str, error: GuardError) -> None:
    facts["decision"], facts["exitCode"] = decision, error.exit_code
    facts["message"], facts["hint"] = error.message, error.hint or None


def _fault(error: Exception) -> GuardError:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return GuardError(
        f"A fault in endpoint_patch: {type(error).__name__}: {error}"
        f" ({Path(where.filename).name}, line {where.lineno}).",
        "Report this line; start from the unchanged image till then.",
    )


def _write_reports(raw: Mapping[str, object], facts: report.Report) -> None:
    report_path, message_path = plan.destinations(raw)
    try:
        if report_path:
            install(report_path, report.as_file(facts))
    except GuardError as error:
        if facts["exitCode"] == 0:
            facts["exitCode"], facts["message"] = error.exit_code, error.message
            facts["hint"] = error.hint
    if message_path:
        write_message(message_path, report.as_termination_message(facts))


def _tell(facts: report.Report) -> None:
    if facts["decision"] in ("patched", "upstream-fixed") and facts["exitCode"] == 0:
        _say(sys.stdout, f"{facts['message']}\n")
        return
    label = "error" if facts["exitCode"] else "warning"
    _say(sys.stderr, f"{label}: {facts['message']}\nhint: {facts['hint']}\n")


def _say(stream: TextIO, text: str) -> None:
    # A closed or narrow stream must not turn a finished run into a crash.
    with contextlib.suppress(OSError, AttributeError):
        stream.write(text.encode("ascii", "backslashreplace").decode())
        stream.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
