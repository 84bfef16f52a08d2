"""Patch LiteLLM's endpoints.py, in an init container of the stock image or on a laptop.

    python -I -S FOLDER/endpoint_patch [PLAN]

PLAN is the path of a JSON file, or `-` for stdin. Without it the environment variable
LITELLM_OVERLAY_PLAN holds the JSON text. Any Python from 3.10 on will do; only its standard
library is used. With -I -S nothing else of the image runs before the look for malware: no .pth file
and no sitecustomize, no module on PYTHONPATH or in the working directory. PYTHONPATH still counts
where the proxy's interpreter is asked for its module. The plan's keys:

    patchVersion            "2.0.0"; required
    outputPath              where the result goes; required; mode 0444
    modulePath              the path that the proxy container mounts the result over;
                            null: do not compare
    sourcePath              patch this file; null: ask the `litellm` command on PATH where it is
    litellmVersion          the release of sourcePath, if known; only together with it
    reportPath              default: report.json beside the output
    terminationMessagePath  default: null, none
    onFixed                 "passthrough" (default) or "patch": see the table
    onUnknown               "fail" (default), "passthrough" or "patch": see the table
    expectedSha256          of the file that onUnknown "patch" is meant for; only together with it
    compromised             malicious LiteLLM releases, besides those that this payload knows: []
    settings                mode "websocket" (default) or "http-fallback"; maxMessageBytes
                            (16000000); firstMessageTimeoutSeconds (0: off);
                            sessionLifetimeSeconds (3600; 0: off); historyBytes of each worker
                            process (268435456); heartbeatSeconds (0: off) and
                            heartbeatMaxSeconds (900), for silent providers; drainFile ("": off);
                            offFile ("": off). 1.0.0 knows neither history, heartbeat nor offFile

sourcePath, outputPath, reportPath and terminationMessagePath must be four different files.

What becomes of the file. Its state is affected, handshake-fixed (1.89.x: Codex connects, and
hangs), fixed, no-endpoint or unknown. The basis is what told it: sha256, that of a known file;
handler, the digest of a known handler for the WebSocket in a file that is not known; ast, its shape
alone. `any` stands for every value; what stands nowhere cannot be.

    state            basis    onFixed      onUnknown    decision        exit code
    affected         sha256   any          any          patched          0
    handshake-fixed  sha256   any          any          patched          0
    handshake-fixed  handler  passthrough  any          upstream-fixed   0
    handshake-fixed  handler  patch        any          patched          0
    handshake-fixed  ast      passthrough  any          upstream-fixed   0
    handshake-fixed  ast      patch        any          refused         13
    fixed            sha256   passthrough  any          upstream-fixed   0
    fixed            sha256   patch        any          patched          0
    fixed            handler  passthrough  any          upstream-fixed   0
    fixed            handler  patch        any          patched          0
    fixed            ast      passthrough  any          upstream-fixed   0
    fixed            ast      patch        any          refused         13
    affected         handler  any          fail         refused         12
    affected         handler  any          passthrough  passthrough      0
    affected         handler  any          patch        patched          0
    unknown          null     any          fail         refused         12
    unknown          null     any          passthrough  passthrough      0
    unknown          null     any          patch        refused         13
    no-endpoint      sha256   any          fail         refused         12
    no-endpoint      sha256   any          passthrough  passthrough      0
    no-endpoint      sha256   any          patch        refused         12

onUnknown "patch" refuses with 12 where the file is not the one of expectedSha256. A compromised
release is refused with 17 before all of this. Patch version 1.0.0 is not made for what is fixed:
with it onFixed "patch" is a plan error, 10. Where a patch is to be made and cannot be, the exit
code is 13, 14, 18 or 20; the original never goes through instead.

The report, a JSON object, is written for every plan that says where; null stands for what is not
known. The termination message is the same on one line of at most 4096 bytes.

    decision        patched, upstream-fixed (the original bytes were written), passthrough (the
                    same, for an unknown file), refused or crashed (nothing was written)
    upstream        the state
    basis           sha256, handler or ast: what told `upstream`
    knownAs         the releases that carry exactly this file
    stockSha256     of the file that was found, any patch of ours undone
    handlerSha256   of its handler for the WebSocket, decorators and all
    patchedSha256   of what was written
    modulePath      where LiteLLM's endpoints.py was found
    python          the version of the Python that runs LiteLLM
    executedPth     the .pth files whose lines Python runs whenever it starts: name, sha256 and
                    count of those lines
    traces          files that malware had, and honest software has too: name and sha256; alone
                    they prove nothing
    and exitCode, message, hint, patchVersion, litellmVersion, milliseconds

Exit codes:

     0  written                            15  could not write
     1  a fault in this program            16  the proxy mounts over another path
    10  plan unreadable                    17  compromised LiteLLM release
    11  module not found                   18  stale bytecode would hide the patch
    12  unknown stock file                 19  patch version not in this payload
    13  anchor missing or ambiguous        20  Python older than 3.10
    14  verification failed                21  not the payload that the pod template is made for
                                               (said before this program starts)
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

if not __package__:  # started by the folder's path, which -I allows and -m does not
    sys.path[0] = str(Path(__file__).absolute().parents[1])

from endpoint_patch import compromised, decision, edits, paths, plan, report, stock_file, versions
from endpoint_patch.errors import (
    GuardError,
    ModuleNotFoundInImageError,
    OldPythonError,
    PlanUnreadableError,
    StaleBytecodeError,
    WrongModulePathError,
)
from endpoint_patch.install import install, remove, write_message
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
    _require_distinct(order, order.source_path)
    version = versions.load(order.patch_version)
    facts["patchVersion"] = version.version
    if order.policy.on_fixed == "patch" and not version.on_fixed:
        raise PlanUnreadableError(
            f'onFixed "patch" needs the bridge; patch version {version.version} is not made for'
            " what upstream has fixed.",
            "Set patchVersion to 2.0.0, or onFixed to passthrough.",
        )
    proxy = _find(order)
    facts["modulePath"], facts["python"] = proxy.path, proxy.python
    facts["litellmVersion"] = proxy.litellm_version
    facts["executedPth"] = list(proxy.startup.executed_pth)
    facts["traces"] = list(proxy.startup.traces)
    compromised.refuse(proxy.versions, order.compromised)
    _require_distinct(order, proxy.path)
    _require_mounted_path(order.module_path, proxy.path)
    stock = edits.undo(_read(proxy.path))
    file = stock_file.identify(stock, proxy.litellm_version)
    facts["stockSha256"], facts["handlerSha256"] = file.sha256, file.handler_sha256
    facts["upstream"], facts["basis"], facts["knownAs"] = file.state, file.basis, file.known_as
    outcome = decision.carry_out(
        stock,
        file,
        version,
        policy=order.policy,
        settings=order.settings,
        litellm_version=proxy.litellm_version,
    )
    if proxy.shadow and outcome.decision == "patched":
        raise StaleBytecodeError(f"Python would import {proxy.shadow} and ignore the patched file.")
    if outcome.decision == "patched" and _minor(proxy.python) < _OLDEST_PYTHON:
        raise OldPythonError(f"LiteLLM runs on Python {proxy.python}; the patch needs 3.10.")
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
        return locate(also=order.compromised)
    release = order.litellm_version
    python = ".".join(map(str, sys.version_info[:3]))
    return Located(order.source_path, release, (release,) if release else (), python, None)


def _require_distinct(order: plan.Plan, source: str | None) -> None:
    paths.require_distinct(
        {
            "sourcePath" if order.source_path else "LiteLLM's own endpoints.py": source,
            "outputPath": order.output_path,
            "reportPath": order.report_path,
            "terminationMessagePath": order.termination_message_path,
        }
    )


def _require_mounted_path(mounted: str | None, imported: str) -> None:
    """Refuse another path: a file mounted there is never imported, and nothing would say so."""
    if mounted and Path(mounted).resolve() != Path(imported).resolve():
        raise WrongModulePathError(
            f"The proxy imports {imported}, but the overlay is mounted over {mounted}.",
            f"Set modulePath to {imported}.",
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
    # A refused plan may name one file twice: do not overwrite one with another.
    named = plan.readable_paths(raw)
    others = [named.get(key) for key in ("modulePath", "sourcePath", "outputPath")]
    if facts["modulePath"]:
        others.append(str(facts["modulePath"]))
    report_path, message_path = named.get("reportPath"), named.get("terminationMessagePath")
    if any(paths.is_same_file(message_path, other) for other in others):
        message_path = None
    if any(paths.is_same_file(report_path, other) for other in (*others, message_path)):
        report_path = None
    try:
        if report_path:
            install(report_path, report.as_file(facts))
    except GuardError as error:
        if facts["exitCode"] == 0:
            # The pod does not start, so no report or file may suggest that it was patched.
            remove(str(raw["outputPath"]))
            _refuse(facts, "refused", error)
            facts["patchedSha256"] = None
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
