"""The lock: its file, its sources, and comparisons with it."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from fakes.overlaid import CATALOGUE, IMAGE, crashing, pod, report, workload
from litellm_overlay import lock
from litellm_overlay.errors import NotInCatalogueError, OverlayError, ValuesError, VerificationError
from litellm_overlay.fleet.rows import workload_statuses
from litellm_overlay.objects.kinds import WORKLOADS
from litellm_overlay.overlay import values
from litellm_overlay.overlay.plan import Planner

STOCK = CATALOGUE.release("1.88.6").endpoints_sha256
DIGEST = "sha256:" + "a" * 64
OURS = workload(patch="2.0.0")


def said(decision="patched", **more):
    """Return a guard's report with STOCK's hash."""
    return report(decision, **{"stockSha256": STOCK, **more})


def row(item=OURS, *pods):
    """Return the row of a workload; by default it has two good pods."""
    listed = {plural: [] for plural in WORKLOADS} | {"deployments": [item]}
    running = pods or (pod(item, 0, said()), pod(item, 1, said()))
    (status,) = workload_statuses(listed, running, CATALOGUE)
    return status


def to_pin(**options):
    """Return the lock for options."""
    return lock.to_pin(Planner.from_values(values.load("", **options)))


PINNED = lock.rows_to_pin([row()])


def test_the_file_holds_the_lock():
    """A written lock reads back equal, with the same bytes each time."""
    text = lock.to_text(PINNED)
    assert lock.parse_lock(text, "it") == PINNED
    assert text == lock.to_text(lock.parse_lock(text, "it"))
    assert json.loads(text) == {
        "lockVersion": 1,
        "image": IMAGE,
        "imageDigest": DIGEST,
        "litellmVersion": "1.88.6",
        "stockSha256": STOCK,
        "patchVersion": "2.0.0",
        "payloadDigest": CATALOGUE.patch_versions["2.0.0"].digest,
        "onFixed": "passthrough",
        "chartVersion": None,
    }
    assert len(lock.to_camel_case_data(PINNED)) == len(fields(lock.Lock))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lockVersion": 2}, "it is no lock of the form 1"),
        ({"patchVersion": None}, "it: patchVersion cannot be None"),
        ({"patchVersion": 2}, "it: patchVersion cannot be 2"),
        ({"payloadDigest": "abc"}, "it: payloadDigest cannot be 'abc'"),
        ({"imageDigest": "a" * 64}, "it: imageDigest cannot be"),
        ({"image": "a\x1b[2J"}, r"it: image cannot be 'a\\x1b"),
        ({"onFixed": "fail"}, "it: onFixed cannot be 'fail'"),
        ({"more": 1}, "it has an unknown key 'more'"),
    ],
)
def test_another_file_is_refused(change, sentence):
    """A wrong lock is refused with its key, and control characters are escaped."""
    text = json.dumps({**json.loads(lock.to_text(PINNED)), **change})
    with pytest.raises(ValuesError, match=sentence):
        lock.parse_lock(text, "it")


@pytest.mark.parametrize("text", ["", "[]", "{", "image: x", '{"lockVersion": 1}'])
def test_no_lock_at_all(text):
    """A text that is no lock is refused with a hint."""
    with pytest.raises(ValuesError) as refused:
        lock.parse_lock(text, "it")
    assert refused.value.hint == "delete it and write it again: litellm-overlay pin"


def test_from_values():
    """A lock from values has the catalogue's data, and a digest only from the image."""
    pinned = to_pin(image=IMAGE, patch_version="1.0.0")
    assert (pinned.image, pinned.image_digest) == (IMAGE, None)
    assert (pinned.litellm_version, pinned.stock_sha256) == ("1.88.6", STOCK)
    assert pinned.patch_version == "1.0.0"
    assert pinned.payload_digest == CATALOGUE.patch_versions["1.0.0"].digest
    assert pinned.chart_version
    assert to_pin(image=f"{IMAGE}@{DIGEST}", litellm_version="1.88.6").image_digest == DIGEST
    both = to_pin(image=f"{IMAGE}@{DIGEST}")
    assert (both.image, both.image_digest, both.litellm_version) == (IMAGE, DIGEST, "1.88.6")


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({}, ValuesError, "the proxy's image is not known"),
        ({"image": "ghcr.io/berriai/litellm:v1.90.0"}, VerificationError, "1.90.0 is fixed"),
        ({"image": "ghcr.io/berriai/litellm:v1.82.7"}, VerificationError, "is malicious"),
        (
            {"image": "r/litellm:v1.107.0", "litellm_version": "1.86.2"},
            VerificationError,
            "1.107.0 is malicious",
        ),
        ({"image": "r/litellm:v1.86.2-of-1.82.8"}, VerificationError, "1.82.8 is malicious"),
        ({"image": IMAGE, "litellm_version": "1.107.0"}, VerificationError, "is malicious"),
        ({"image": f"litellm@{DIGEST}"}, NotInCatalogueError, "does not say for certain"),
        ({"image": f"litellm:latest@{DIGEST}"}, NotInCatalogueError, "not say for certain"),
        ({"image": f"{IMAGE}-acme@{DIGEST}"}, NotInCatalogueError, "does not say for certain"),
        ({"image": "ghcr.io/berriai/litellm:latest"}, NotInCatalogueError, "not say for certain"),
        ({"image": IMAGE, "patch_version": "9.0.0"}, NotInCatalogueError, "no patch version 9"),
        ({"image": "ghcr.io/berriai/litellm:v1.96.1"}, NotInCatalogueError, "not in the catalogue"),
    ],
)
def test_what_cannot_be_pinned(options, error, sentence):
    """Uncertain or useless combinations are refused."""
    with pytest.raises(error, match=sentence):
        to_pin(**options)


def test_a_newer_release_is_pinned_without_its_file():
    """A newer release is pinned without its file's hash."""
    pinned = to_pin(image="ghcr.io/berriai/litellm:v1.999.0")
    assert (pinned.litellm_version, pinned.stock_sha256) == ("1.999.0", None)
    assert pinned.patch_version == "2.0.0"
    assert lock.parse_lock(lock.to_text(pinned), "it") == pinned


def test_a_tag_that_contradicts_the_option_leaves_the_release_open():
    """If tag and option contradict each other, the lock has no release."""
    pinned = to_pin(image=IMAGE, litellm_version="1.86.2")
    assert (pinned.image, pinned.litellm_version, pinned.stock_sha256) == (IMAGE, None, None)
    assert lock.parse_lock(lock.to_text(pinned), "it") == pinned


@pytest.mark.parametrize(
    ("pods", "sentence"),
    [
        ([pod(OURS, 0, said()), pod(OURS, 1)], "deployment/proxy is drifted, 1 of 2 pods agree"),
        ([pod(OURS, 0, said("upstream-fixed"))], "deployment/proxy has upstream's fix"),
        ([pod(OURS, 0, **crashing(report("refused")))], "is refused, 0 of 1"),
        ([pod(OURS, 0, report())], "does not report the stock endpoints.py"),
    ],
)
def test_only_what_runs_well_can_be_pinned(pods, sentence):
    """Workloads that do not run well are refused."""
    with pytest.raises(VerificationError, match=sentence):
        lock.rows_to_pin([row(OURS, *pods)])


def moved(number):
    """Return a pod whose node has another image for the tag."""
    made = pod(OURS, number, said())
    for statuses in ("initContainerStatuses", "containerStatuses"):
        made["status"][statuses][0]["imageID"] = "ghcr.io/berriai/litellm@sha256:" + "b" * 64
    return made


def test_a_tag_that_has_moved():
    """Pods with two images cannot be pinned, and are drift for a lock."""
    status = row(OURS, pod(OURS, 0, said()), moved(1))
    with pytest.raises(VerificationError, match=r"run different images: sha256:a+, sha256:b+"):
        lock.rows_to_pin([status])
    assert "the pods run different images" in lock.mark_drift(status, PINNED).reasons[-1]
    one = lock.mark_drift(row(OURS, moved(0)), PINNED)
    assert one.decision == "drifted"
    assert one.reasons == ("the image's digest is bbbbbbbbbbbb, the lock says aaaaaaaaaaaa",)


def test_an_image_that_came_from_no_registry_has_no_digest():
    """An image without a registry, as from `kind load`, has no digest."""
    made = pod(OURS, 0, said())
    for statuses in ("initContainerStatuses", "containerStatuses"):
        made["status"][statuses][0]["imageID"] = "sha256:" + "b" * 64
    assert lock.rows_to_pin([row(OURS, made)]).image_digest is None


def test_workloads_that_do_not_run_the_same():
    """Workloads that differ cannot be pinned together; equal ones can."""
    other = workload("other", patch="1.0.0")
    running = pod(other, 0, said(patchVersion="1.0.0"))
    with pytest.raises(VerificationError, match="deployment/proxy and deployment/other do not run"):
        lock.rows_to_pin([row(), row(other, running)])
    assert lock.rows_to_pin([row(), replace(row(), name="twin")]) == PINNED


def test_our_charts_version_is_pinned():
    """Our chart's version is pinned from its label, not another chart's."""
    labelled = {**OURS, "metadata": {**OURS["metadata"], "labels": {}}}
    for label, version in [("litellm-overlay-0.1.0", "0.1.0"), ("litellm-helm-0.4.7", None)]:
        labelled["metadata"]["labels"]["helm.sh/chart"] = label
        assert lock.rows_to_pin([row(labelled)]).chart_version == version


def test_the_same_is_no_difference():
    """Equal values, or values that only one side has, are no difference."""
    assert lock.mark_drift(row(), PINNED) == row()
    assert lock.differences(PINNED, lock.Lock()) == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image": "a/litellm:v1"}, f"the image is {IMAGE}, the lock says a/litellm:v1"),
        ({"litellm_version": "1.88.5"}, "LiteLLM is 1.88.6, the lock says 1.88.5"),
        ({"patch_version": "1.0.0"}, "the patch is 2.0.0, the lock says 1.0.0"),
        ({"payload_digest": "0" * 64}, f"the payload is {PINNED.payload_digest[:12]}, the lock"),
        ({"stock_sha256": "0" * 64}, f"the stock endpoints.py is {STOCK[:12]}, the lock says 0000"),
    ],
)
def test_each_difference_is_drift(change, sentence):
    """Each difference is drift, with both values."""
    held = lock.mark_drift(row(), replace(PINNED, **change))
    assert held.decision == "drifted"
    assert len(held.reasons) == 1
    assert held.reasons[0].startswith(sentence)


def test_a_proxy_without_the_overlay_is_not_as_the_lock_says():
    """A missing overlay is drift."""
    held = lock.mark_drift(row(workload()), PINNED)
    assert held.decision == "drifted"
    assert "the overlay is missing, the lock says patch 2.0.0" in held.reasons


def test_a_refusal_stays_one():
    """A refused workload stays refused."""
    status = row(OURS, pod(OURS, 0, **crashing(report("refused"))))
    held = lock.mark_drift(status, replace(PINNED, patch_version="1.0.0"))
    assert held.decision == "refused"
    assert held.reasons[0] == status.reasons[0]


def test_a_lock_fills_in_what_values_leave_open():
    """A lock fills values that are not given, and overrides none."""
    filled = lock.fill_values(values.load(""), PINNED)
    assert (filled.image, filled.patch_version) == (f"{IMAGE}@{DIGEST}", "2.0.0")
    assert filled.on_fixed == "passthrough"
    operator_values = values.load(
        "", image="a/b:c", patch_version="2.0.1", litellm_version="1.88.5", on_fixed="patch"
    )
    assert lock.fill_values(operator_values, PINNED) == operator_values


def test_refuse():
    """`require_match` reports all differences with a hint, or nothing."""
    lock.require_match(PINNED, PINNED)
    with pytest.raises(OverlayError) as refused:
        lock.require_match(PINNED, replace(PINNED, patch_version="1.0.0", image="a/b:c"))
    assert refused.value.exit_code == 5
    assert refused.value.message.count("the lock says") == 2


def test_changes():
    """`list_changes` has key, old and new value of each change."""
    assert lock.list_changes(PINNED, PINNED) == ()
    changed = lock.list_changes(PINNED, replace(PINNED, patch_version="1.0.0", image_digest=None))
    assert changed == (("imageDigest", DIGEST, ""), ("patchVersion", "2.0.0", "1.0.0"))
    assert ("patchVersion", "", "2.0.0") in lock.list_changes(None, PINNED)
