"""Read the guard's report from a pod's status. All verbs share this reader. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_overlay.names import INIT_CONTAINER
from litellm_overlay.objects.access import find_by_name, int_at, items, mapping, string_at
from litellm_overlay.objects.workloads import PodTemplate

if TYPE_CHECKING:
    from litellm_overlay.objects.access import Object

# Decision in the report, see `python -m endpoint_patch --help` -> decision for the operator.
_DECISIONS = {
    "patched": "patched",
    "upstream-fixed": "upstream-fixed",
    "passthrough": "passthrough",
    "refused": "refused",
    "crashed": "refused",
}

_EVERYDAY = {"Completed", "Error"}
_NO_REPORT = "the termination message is no report of the guard"


@dataclass(frozen=True, slots=True)
class GuardReport:
    """The report of the guard in one pod, from its last run that ended.

    In a crash loop that is the previous run. `decision` is patched, upstream-fixed, passthrough or
    refused. It is None until the guard has ended, and after exit code 0 without a readable report.
    After any other exit code it is refused, whatever the report says. `facts` is the report as the
    guard wrote it, {} without a readable one. `fault` says why no report could be read. `text` is
    the termination message. `cause` is the kubelet's reason for the end, "" if it adds nothing.
    """

    decision: str | None = None
    exit_code: int | None = None
    facts: Object = field(default_factory=dict)
    fault: str = ""
    text: str = ""
    cause: str = ""

    @property
    def ended(self) -> bool:
        """Say whether the guard has ended, in this run or the one before."""
        return self.exit_code is not None

    @property
    def why(self) -> str:
        """Return the guard's message if it fits the decision; otherwise a sentence on how it ended.

        It makes sense only for a guard that has ended.
        """
        claim = string_at(self.facts, "decision")
        if self.message and _DECISIONS.get(claim) == self.decision:
            return self.message
        cause = f" ({self.cause})" if self.cause else ""
        sentence = self.fault or f"its report says {claim}: {self.message}"
        return f"the guard ended with exit code {self.exit_code}{cause}; {sentence}"

    @property
    def message(self) -> str:
        """Return the guard's message, "" where there is none."""
        return string_at(self.facts, "message").strip()

    @property
    def hint(self) -> str:
        """Return the guard's hint, "" where there is none."""
        return string_at(self.facts, "hint").strip()

    def fact(self, key: str) -> str | None:
        """Return the text at a key of the report, None where there is none."""
        return string_at(self.facts, key) or None


def read(pod: Object) -> GuardReport:
    """Return the report of a pod's guard. It is empty if the guard has not ended or is not ours."""
    ended = _ended(pod) if PodTemplate(pod).guard else None
    if ended is None:
        return GuardReport()
    exit_code = int_at(ended, "exitCode") or 0
    text, cause = string_at(ended, "message"), string_at(ended, "reason")
    facts, fault = _facts(text)
    decision = _DECISIONS.get(string_at(facts, "decision"))
    if exit_code:
        decision = "refused"
    cause = "" if cause in _EVERYDAY else cause
    return GuardReport(decision, exit_code, facts, fault, text, cause)


def _ended(pod: Object) -> Object | None:
    status = find_by_name(items(pod, "status", "initContainerStatuses"), INIT_CONTAINER)
    for state in ("state", "lastState"):
        if ended := mapping(status, state, "terminated"):
            return ended
    return None


def _facts(message: str) -> tuple[Object, str]:
    """Return the report in a termination message and "", or {} and why it cannot be read."""
    if not message:
        return {}, "the guard left no report"
    try:
        report = json.loads(message)
    except (ValueError, RecursionError):
        cut = message.startswith("{")
        return {}, "the guard's report is cut" if cut else _NO_REPORT
    if not isinstance(report, dict) or string_at(report, "decision") not in _DECISIONS:
        return {}, _NO_REPORT
    return report, ""
