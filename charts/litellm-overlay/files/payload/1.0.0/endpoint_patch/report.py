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
        "patchedSha256": None,
        "python": None,
        "milliseconds": None,
    }


def as_file(report: Report) -> bytes:
    """Return the text of report.json."""
    return (json.dumps(report, indent=2) + "\n").encode()


def as_termination_message(report: Report) -> bytes:
    """Return the report on one line of at most 4096 bytes, long texts shortened if need be."""
    longest = _LIMIT
    while len(line := json.dumps(_shortened(report, longest)).encode()) > _LIMIT:
        longest //= 2
    return line


def _shortened(report: Report, longest: int) -> Report:
    return {
        key: value[: longest - 1] + "…"
        if isinstance(value, str) and len(value) > longest
        else value
        for key, value in report.items()
    }
