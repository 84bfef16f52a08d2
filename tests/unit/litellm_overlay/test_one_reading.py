"""A guard's outcome is the same in its report, in `status` and in `doctor`."""

from __future__ import annotations

import json

import pytest

import endpoint_patch.__main__ as guard
from endpoint_patch import stock_file, versions
from fakes import image as fake_image
from fakes.endpoint_module import MINIMAL, STOCK, known_files
from fakes.overlaid import CATALOGUE, pod, report, state, workload
from litellm_overlay import checks
from litellm_overlay.fleet.rows import workload_statuses
from litellm_overlay.fleet.verification import not_asked, targets
from litellm_overlay.objects import guard_report
from litellm_overlay.objects.kinds import WORKLOADS

OURS = workload(patch="2.0.0")


def seen(message, exit_code):
    """Return decision and message of report, status and doctor, and verify's target."""
    one = {"kind": "Pod", **pod(OURS, 0, **state(message, exit_code=exit_code))}
    listed = {plural: [] for plural in WORKLOADS} | {"deployments": [OURS]}
    (row,) = workload_statuses(listed, [one], CATALOGUE)
    (target,) = targets([one], CATALOGUE)
    results = [
        item for item in checks.findings([OURS, one], CATALOGUE) if item.object.startswith("Pod/")
    ]
    return guard_report.read(one), row, results, target


@pytest.fixture
def last_words(tmp_path, monkeypatch):
    """Return exit code and termination message of a real guard without a writable report."""
    built = fake_image.build(tmp_path, STOCK, "1.88.6")
    for name, value in built.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stock_file, "_table", known_files)
    monkeypatch.setattr(versions, "load", lambda _: MINIMAL)
    plan = {
        "patchVersion": "2.0.0",
        "modulePath": str(built.module),
        "outputPath": str(tmp_path / "endpoints.py"),
        "reportPath": "/proc/report.json",
        "terminationMessagePath": str(tmp_path / "termination-log"),
    }
    monkeypatch.setenv("LITELLM_OVERLAY_PLAN", json.dumps(plan))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return guard.main([]), (tmp_path / "termination-log").read_text()


def test_a_guard_that_could_not_write_its_report(last_words):
    """A guard that could not write its report, exit code 15, is refused everywhere."""
    exit_code, message = last_words
    data = json.loads(message)
    assert (exit_code, data["exitCode"], data["decision"]) == (15, 15, "refused")
    read, row, (finding,), target = seen(message, exit_code)
    assert (read.decision, row.decision, finding.topic, target.decision) == ("refused",) * 4
    assert (finding.severity, finding.what) == ("error", data["message"])
    assert row.reasons == (f"pod proxy-0: {data['message']} {data['hint']}",)
    assert "exit code 15" in finding.why


@pytest.mark.parametrize(
    "claim", ["patched", "upstream-fixed", "passthrough", "refused", "crashed"]
)
@pytest.mark.parametrize("exit_code", [1, 12, 15, 137])
def test_an_exit_code_counts_more_than_what_the_report_claims(claim, exit_code):
    """The exit code counts more than the report's decision, for older guards."""
    message = json.dumps(report(claim, message="Could not write.", exitCode=exit_code))
    read, row, (finding,), target = seen(message, exit_code)
    assert (read.decision, row.decision, finding.topic, target.decision) == ("refused",) * 4
    assert "Could not write." in finding.what
    assert claim in {"refused", "crashed"} or f"exit code {exit_code}" in finding.what


@pytest.mark.parametrize(
    ("message", "exit_code", "decision", "topics"),
    [
        (json.dumps(report("patched")), 0, "patched", []),
        (json.dumps(report("upstream-fixed")), 0, "upstream-fixed", []),
        (json.dumps(report("passthrough")), 0, "passthrough", ["passthrough"]),
        (json.dumps(report("refused")), 0, "refused", ["refused"]),
        (json.dumps(report("crashed")), 0, "refused", ["refused"]),
        (None, 0, None, ["report-unreadable"]),
        ("", 0, None, ["report-unreadable"]),
        ('{"decision": "patch', 0, None, ["report-unreadable"]),
        ("Killed", 0, None, ["report-unreadable"]),
        ('{"decision": ["patched"]}', 0, None, ["report-unreadable"]),
        ('{"decision": "maybe"}', 0, None, ["report-unreadable"]),
        ("Killed", 137, "refused", ["refused"]),
        (None, 137, "refused", ["refused"]),
    ],
)
def test_every_end_of_a_guard(message, exit_code, decision, topics):
    """An unreadable report is drift in `status`, and `verify` does not ask the pod."""
    read, row, result, target = seen(message, exit_code)
    assert read.decision == decision
    assert row.decision == (decision or "drifted")
    assert [item.topic for item in result] == topics
    assert target.decision == (decision or "pending")


def test_an_init_container_that_is_not_ours_says_nothing():
    """The message of a foreign init container of our name is not taken for a report."""
    one = {"kind": "Pod", **pod(OURS, 0, **state("Done.", exit_code=1))}
    one["spec"]["initContainers"][0]["command"] = ["true"]
    assert guard_report.read(one) == guard_report.GuardReport()
    topics = {item.topic for item in checks.findings([one], CATALOGUE)}
    assert "foreign-init-container" in topics
    assert not topics & {"refused", "report-unreadable", "two-images"}


def test_a_pod_that_lost_the_guard():
    """A pod that lost its guard has drifted, and `verify` says what is missing."""
    half = {"kind": "Pod", **pod(OURS, 0, report())}
    del half["spec"]["initContainers"]
    half["status"]["initContainerStatuses"] = []
    listed = {plural: [] for plural in WORKLOADS} | {"deployments": [OURS]}
    (row,) = workload_statuses(listed, [half], CATALOGUE)
    assert (row.decision, row.agreeing) == ("drifted", 0)
    assert row.reasons == ("pod proxy-0: lacks the template's overlay",)
    (target,) = targets([half], CATALOGUE)
    assert "no guard writes it" in not_asked(target).faults[0]


def test_chores_are_nobodys_proxies():
    """A migrations Job with our mount is no proxy for any verb."""
    job = {"kind": "Pod", **pod(OURS, 0, report("refused"))}
    job["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "m", "controller": True}]
    assert workload_statuses({}, [job], CATALOGUE) == ()
    assert targets([job], CATALOGUE) == ()
    assert checks.findings([job], CATALOGUE) == ()


def test_a_report_of_success_and_another_exit_code():
    """A report of success with another exit code is reported as a failure."""
    read, row, (finding,), _ = seen(json.dumps(report("patched", message="Patched it.")), 137)
    expected = "the guard ended with exit code 137; its report says patched: Patched it."
    assert read.why == finding.what == expected
    assert row.reasons == (f"pod proxy-0: {expected}",)
    assert finding.fix.startswith("kubectl logs ")
