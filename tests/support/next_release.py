"""LiteLLM 1.999.0, an unreviewed release: the newest file with a new comment or a new handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from endpoint_patch import syntax
from fakes.overlaid import CATALOGUE, crashing, overlaid, pod, workload
from litellm_overlay import checks
from litellm_overlay.fleet.rows import workload_statuses
from litellm_overlay.local import environment
from litellm_overlay.objects.kinds import WORKLOADS

if TYPE_CHECKING:
    from support.init_container import Ended

VERSION = "1.999.0"
IMAGE = f"ghcr.io/berriai/litellm:v{VERSION}"
NEW_COMMENT, NEW_HANDLER = "a new comment", "a new handler"
# (what is new, onFixed): decision, exit code or None for any error, part of the message: README.
OUTCOMES = {
    (NEW_COMMENT, "passthrough"): ("upstream-fixed", 0, f"LiteLLM {VERSION} has upstream's fix"),
    (NEW_COMMENT, "patch"): ("patched", 0, f"Patched LiteLLM {VERSION}"),
    (NEW_HANDLER, "passthrough"): ("upstream-fixed", 0, f"LiteLLM {VERSION} has upstream's fix"),
    (NEW_HANDLER, "patch"): ("refused", None, "a WebSocket handler that nobody has read"),
}


def endpoints(what_is_new: str) -> bytes:
    """Return the endpoints.py of 1.999.0."""
    stock = environment.stock_endpoints(CATALOGUE.releases[-1].version)
    if what_is_new == NEW_COMMENT:
        return stock + b"# a new comment\n"
    handler = syntax.handler_source(stock)
    assert handler
    assert stock.count(handler) == 1
    return stock.replace(handler, handler.rstrip() + b"\n    return None\n")


def assert_as_the_table_says(done: Ended, what_is_new: str, on_fixed: str) -> None:
    """Require the guard's outcome of the table, and the same from `status` and `doctor`."""
    decision, code, words = OUTCOMES[what_is_new, on_fixed]
    report = done.report
    assert (report["decision"], report["litellmVersion"]) == (decision, VERSION), report
    assert done.exit_code == report["exitCode"]
    assert (code is None and done.exit_code > 0) or done.exit_code == code
    assert words in report["message"], report["message"]
    stock = endpoints(what_is_new)
    assert (done.written == stock) is (decision == "upstream-fixed")
    assert (done.written is None) is (decision == "refused")

    item = overlaid(workload(image=IMAGE, replicas=1), on_fixed=on_fixed)
    there = pod(item, 0, report, **(crashing(report) if decision == "refused" else {}))
    listed: dict[str, list[Any]] = {plural: [] for plural in WORKLOADS}
    listed["deployments"] = [{key: value for key, value in item.items() if key != "kind"}]
    (row,) = workload_statuses(listed, [there], CATALOGUE)
    assert (row.decision, row.litellm_version) == (decision, VERSION)
    assert any(f"LiteLLM {VERSION} is newer than the last" in each for each in row.reasons)
    assert decision != "refused" or any(words in each for each in row.reasons)

    findings = checks.findings([item, {"kind": "Pod", "apiVersion": "v1", **there}], CATALOGUE)
    results = {finding.topic: finding for finding in findings}
    assert results["unreviewed"].severity == "note"
    assert ("refused" in results) is (decision == "refused"), results
    assert decision != "refused" or words in results["refused"].what + results["refused"].why
