"""The report: what was decided and on which facts. JSON out, no I/O."""

from __future__ import annotations

import json

Report = dict[str, object]

_LIMIT = 4096  # bytes; the kubelet cuts a termination message there


def blank() -> Report:
    """Return a report with every key it will have; null means not known or not applicable."""
    return {
        "decision": None,
        "exitCode": None,
        "message": None,
        "hint": None,
        "patchVersion": None,
        "litellmVersion": None,
        "upstream": None,
        "basis": None,
        "knownAs": None,
        "modulePath": None,
        "stockSha256": None,
        "handlerSha256": None,
        "patchedSha256": None,
        "python": None,
        "executedPth": None,
        "traces": None,
        "milliseconds": None,
    }


def as_file(report: Report) -> bytes:
    """Return the text of report.json."""
    return (json.dumps(report, indent=2) + "\n").encode()


def as_termination_message(report: Report) -> bytes:
    """Return the report on one line of at most 4096 bytes, shortened if need be.

    A long text ends in "…", a long list in {"more": 12}, the number of those left out.
    """
    longest = _LIMIT
    while len(line := json.dumps(_shortened(report, longest)).encode()) > _LIMIT:
        longest //= 2
    return line


def _shortened(report: Report, longest: int) -> Report:
    return {key: _cut(value, longest) for key, value in report.items()}


def _cut(value: object, longest: int) -> object:
    if isinstance(value, str) and len(value) > longest:
        return value[: longest - 1] + "…"
    if isinstance(value, list) and len(json.dumps(value)) > longest:
        kept = list(value)
        while kept and len(json.dumps(kept)) > longest:
            kept.pop()
        return [*kept, {"more": len(value) - len(kept)}]
    return value
