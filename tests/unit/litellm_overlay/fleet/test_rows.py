"""Rows of workloads and pods: every decision, and every fault.

More than 300 lines, since it is a list: one fault, one test.
"""

from __future__ import annotations

import copy
import json

import pytest

from fakes.overlaid import CATALOGUE, IMAGE, crashing, overlaid, pod, report, state, workload
from litellm_overlay.fleet.rows import workload_statuses
from litellm_overlay.objects.kinds import WORKLOADS

PLURALS = {kind: plural for plural, kind in WORKLOADS.items()}


def rows(*items, pods=()):
    """Return the rows of workloads, listed without `kind` as by the API."""
    listed = {plural: [] for plural in WORKLOADS}
    for item in items:
        listed[PLURALS[item["kind"]]].append({k: v for k, v in item.items() if k != "kind"})
    return workload_statuses(listed, pods, CATALOGUE)


def row(item, *pods):
    """Return the one row of a workload."""
    (result,) = rows(item, pods=pods)
    return result


OURS = workload(patch="2.0.0")
STOCK = workload()


@pytest.mark.parametrize(
    ("said", "decision", "removable"),
    [
        (report(), "patched", False),
        (report("upstream-fixed"), "upstream-fixed", True),
        (report("passthrough"), "passthrough", False),
    ],
)
def test_the_decision_is_the_guards(said, decision, removable):
    """The row's decision and version come from the guards' reports, advisories from the release."""
    status = row(OURS, pod(OURS, 0, said), pod(OURS, 1, said))
    assert (status.decision, status.removable, status.reasons) == (decision, removable, ())
    assert (status.agreeing, status.pods) == (2, 2)
    assert (status.litellm_version, status.version_from) == ("1.88.6", "report")
    assert (status.patch_version, status.image) == ("2.0.0", IMAGE)


def test_where_the_row_is_from():
    """A row has namespace, kind and name, and rows are sorted by these."""
    first, second = rows(workload("b", "DaemonSet"), workload("a", "DaemonSet"))
    assert (first.namespace, first.kind, first.name) == ("llm", "DaemonSet", "a")
    assert second.name == "b"


def test_not_overlaid():
    """Without the overlay the version comes from the tag and is marked so."""
    old = workload(image="ghcr.io/berriai/litellm:main-v1.82.3-stable")
    status = row(old, pod(old, 0), pod(old, 1))
    assert (status.decision, status.agreeing, status.pods) == ("not-overlaid", 2, 2)
    assert (status.litellm_version, status.version_from) == ("1.82.3", "tag")
    assert "CVE-2026-42208" in status.advisories
    assert status.patch_version is None


@pytest.mark.parametrize(
    ("image", "version", "running"),
    [
        ("litellm:v1.82.7", "1.88.6", "r/litellm@sha256:a"),
        ("litellm:v1.86.2-of-1.107.0", "1.86.2", "r/litellm@sha256:a"),
        ("litellm:main-stable", "1.107.0", "r/litellm@sha256:a"),
        (
            "litellm:main-stable",
            "1.90.0",
            "r/litellm@sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e",
        ),
    ],
)
def test_malware_is_malicious_whatever_was_decided(image, version, running):
    """Malware by template, report or running image makes the row malicious, with advice."""
    item = workload(patch="2.0.0")
    spec = item["spec"]["template"]["spec"]
    for container in (*spec["containers"], *spec["initContainers"]):
        container["image"] = image
    status = row(item, pod(item, 0, **state(report(litellmVersion=version), image=running)))
    assert status.decision == "malicious"
    assert "MALWARE" in status.reasons[0]
    assert "rotate" in status.reasons[0]


def test_malware_without_the_overlay():
    """A malicious tag suffices without the overlay or a pod."""
    assert row(workload(image="litellm:v1.107.0")).decision == "malicious"


def test_what_runs_no_litellm_has_no_row():
    """Workloads and pods without LiteLLM have no row."""
    other = workload("web", image="nginx:1.29")
    bare = pod(other)
    bare["metadata"]["ownerReferences"] = []
    assert rows(other, pods=[pod(other), bare]) == ()


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_pods_find_their_owner(kind):
    """Pods belong to their owner; a Deployment's are found through the ReplicaSet's name."""
    item = workload(kind=kind, patch="2.0.0")
    status = row(item, pod(item, 0, report()), pod(item, 1, report()))
    assert (status.kind, status.decision, status.agreeing) == (kind, "patched", 2)


@pytest.mark.parametrize(
    ("owners", "label", "title"),
    [
        ([], {}, ("Pod", "proxy-0")),
        ([("ReplicaSet", "proxy-7")], {}, ("ReplicaSet", "proxy-7")),
        ([("ReplicaSet", "p-7")], {"rollouts-pod-template-hash": "7"}, ("Rollout", "p")),
    ],
)
def test_pods_of_other_owners_are_not_lost(owners, label, title):
    """Pods of other owners get a row from their own template."""
    lone = pod(OURS, 0, report())
    lone["metadata"]["labels"] = label
    lone["metadata"]["ownerReferences"] = [
        {"kind": kind, "name": name, "controller": True} for kind, name in owners
    ]
    (result,) = rows(pods=[lone])
    assert ((result.kind, result.name), result.decision) == (title, "patched")


def test_chores_are_left_out():
    """Pods of Jobs and hooks have no row."""
    job, hook = pod(STOCK, 0), pod(STOCK, 1)
    job["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "m", "controller": True}]
    hook["metadata"] |= {"ownerReferences": [], "annotations": {"helm.sh/hook": "test"}}
    assert rows(pods=[job, hook]) == ()


def test_crash_loop_in_init():
    """During a back-off the refusal comes from the last state."""
    status = row(OURS, pod(OURS, 0, **crashing(report("refused"))))
    assert (status.decision, status.agreeing, status.pods) == ("refused", 0, 1)
    assert status.reasons == ("pod proxy-0: It is unknown.",)


def test_a_refused_pod_beside_one_that_serves():
    """In a stuck rollout the refusal counts, and the reasons name what still runs."""
    newer = workload(patch="2.0.0", image="ghcr.io/berriai/litellm:v1.88.5")
    status = row(newer, pod(OURS, 0, report()), pod(newer, 1, **crashing(report("refused"))))
    assert (status.decision, status.agreeing, status.pods) == ("refused", 0, 2)
    assert status.reasons[0] == "pod proxy-1: It is unknown."
    assert "runs ghcr.io/berriai/litellm:v1.88.6" in status.reasons[1]


def test_a_guard_that_failed_without_a_word():
    """A guard that failed without a report counts as refused, with its exit code."""
    status = row(OURS, pod(OURS, 0, **state(None, exit_code=137)))
    assert status.decision == "refused"
    assert "exit code 137; the guard left no report" in status.reasons[0]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "left no report"),
        ("", "left no report"),
        (json.dumps(report())[:90], "is cut"),
        ("Unable to get init container status", "is no report"),
        ("[1]", "is no report"),
        ('{"decision": "maybe"}', "is no report"),
    ],
    ids=["missing", "empty", "cut", "not JSON", "not an object", "not a report"],
)
def test_termination_message(message, reason):
    """A pod without a readable report has drifted."""
    status = row(OURS, pod(OURS, 0, message), pod(OURS, 1, report()))
    assert (status.decision, status.agreeing, status.pods) == ("drifted", 1, 2)
    assert reason in status.reasons[0]
    assert status.litellm_version == "1.88.6"


def test_no_replicas():
    """Without replicas a row is pending."""
    status = row(workload(patch="2.0.0", replicas=0))
    assert (status.decision, status.agreeing, status.pods) == ("pending", 0, 0)
    assert status.reasons == ("no pod runs",)
    assert (status.patch_version, status.version_from) == ("2.0.0", "tag")


@pytest.mark.parametrize("part", ["initContainerStatuses", "containerStatuses"])
def test_image_pull_error(part):
    """An image that cannot be pulled is pending, with the kubelet's reason."""
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    statuses = {"initContainerStatuses": [], "containerStatuses": []}
    statuses[part] = [{"name": "litellm-overlay", "state": {"waiting": waiting}}]
    status = row(OURS, pod(OURS, 0, **statuses), pod(OURS, 1, report()))
    assert (status.decision, status.agreeing, status.pods) == ("patched", 1, 2)
    assert "ImagePullBackOff, Back-off pulling image" in status.reasons[0]
    assert row(OURS, pod(OURS, 0, **statuses)).decision == "pending"


def test_a_pod_that_no_node_takes():
    """An unschedulable pod is pending, with the scheduler's reason."""
    unschedulable = {"reason": "Unschedulable", "message": "0/1 nodes are available"}
    status = {"initContainerStatuses": None, "conditions": [unschedulable]}
    found = row(OURS, pod(OURS, 0, **status, containerStatuses=None))
    assert (found.decision, found.agreeing) == ("pending", 0)
    assert "0/1 nodes are available" in found.reasons[0]


def test_pods_that_end_or_have_ended_are_left_out():
    """Terminating and evicted pods do not count."""
    going, evicted = pod(OURS, 0, report("refused")), pod(OURS, 1)
    going["metadata"]["deletionTimestamp"] = "2026-11-23T00:00:00Z"
    evicted["status"] = {"phase": "Failed", "reason": "Evicted"}
    status = row(OURS, going, evicted, pod(OURS, 2, report()))
    assert (status.decision, status.agreeing, status.pods) == ("patched", 1, 1)


def test_init_container_of_our_name_that_is_not_ours():
    """A foreign init container of our name is reported, without an overlay or an alarm."""
    item = workload(
        initContainers=[{"name": "litellm-overlay", "image": "busybox", "command": ["true"]}]
    )
    status = row(item, pod(item, 0))
    assert status.decision == "not-overlaid"
    assert "is not ours" in status.reasons[0]


def test_two_litellm_containers_in_a_pod():
    """With the overlay the container with the mount counts; without it both are named."""
    second = {"name": "other", "image": "ghcr.io/berriai/litellm:v1.90.0"}
    plain, ours = copy.deepcopy(STOCK), copy.deepcopy(OURS)
    for item in (plain, ours):
        item["spec"]["template"]["spec"]["containers"].insert(0, second)
    assert "several containers run LiteLLM's image: other, litellm" in row(plain).reasons[0]
    status = row(ours, pod(ours, 0, report()))
    assert (status.decision, status.image) == ("patched", IMAGE)


def test_an_older_patch_version_of_ours_is_no_drift():
    """An older patch version of the catalogue is no drift."""
    item = workload(patch="1.0.0")
    status = row(item, pod(item, 0, report(patchVersion="1.0.0")))
    assert (status.decision, status.patch_version, status.reasons) == ("patched", "1.0.0", ())


def test_an_overlay_of_an_unreleased_payload():
    """A payload digest that the catalogue does not have is drift."""
    item = copy.deepcopy(OURS)
    annotations = item["spec"]["template"]["metadata"]["annotations"]
    annotations["litellm-overlay/payload-digest"] = "f" * 64
    status = row(item, pod(item, 0, report()))
    assert status.decision == "drifted"
    assert "payload 2.0.0 ffffffffffff is unknown to this litellm-overlay" in status.reasons[0]
    assert "the annotation says ffffffffffff" in status.reasons[1]


def test_init_and_proxy_of_different_images():
    """Guard and proxy with different images have drifted."""
    moved = pod(OURS, 0, report())
    moved["status"]["containerStatuses"][0]["imageID"] = "ghcr.io/berriai/litellm@sha256:b"
    status = row(OURS, moved, pod(OURS, 1, report()))
    assert (status.decision, status.agreeing) == ("drifted", 1)
    assert "pod proxy-0: init container and proxy run different images" in status.reasons[0]


def test_annotation_and_report_disagree():
    """A report with another patch than the annotation's is drift."""
    status = row(OURS, pod(OURS, 0, report(patchVersion="1.0.0")))
    assert status.decision == "drifted"
    assert "reports patch 1.0.0, the annotation says 2.0.0" in status.reasons[0]


def test_pods_disagree_with_each_other():
    """Pods that were patched from different files have drifted."""
    other = report(litellmVersion="1.88.5", patchedSha256="d" * 64)
    status = row(OURS, pod(OURS, 0, report()), pod(OURS, 1, other))
    assert status.decision == "drifted"
    assert "the pods disagree: patched LiteLLM 1.88.5" in status.reasons[0]


@pytest.mark.parametrize(
    ("template", "running", "reason"),
    [
        (OURS, STOCK, "2 pods lacks the template's overlay"),
        (STOCK, OURS, "2 pods has the overlay, the template has not"),
        (OURS, workload(patch="1.0.0"), "2 pods has patch 1.0.0, the template 2.0.0"),
    ],
)
def test_pods_disagree_with_the_template(template, running, reason):
    """Pods that differ from the template have drifted, with the reason."""
    version = running["spec"]["template"]["metadata"].get("annotations", {})
    text = report(patchVersion=version.get("litellm-overlay/patch-version"))
    status = row(template, pod(running, 0, text), pod(running, 1, text))
    assert (status.decision, status.agreeing, status.pods) == ("drifted", 0, 2)
    assert reason.removeprefix("2 pods ") in status.reasons[0]
    assert "pod proxy-0 and 1 more: " in status.reasons[0]


def test_a_mirror_or_a_digest_that_a_webhook_wrote_is_no_drift():
    """A mirror's name or an added digest in the pod's image is no drift."""
    sent = pod(OURS, 0, report())
    for part in ("containers", "initContainers"):
        sent["spec"][part][0]["image"] = f"mirror.example.com/x/litellm:v1.88.6@sha256:{'a' * 64}"
    assert row(OURS, sent).decision == "patched"


def test_a_proxy_that_does_not_mount_the_file():
    """A proxy without the mount has drifted."""
    item = copy.deepcopy(OURS)
    item["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = []
    status = row(item, pod(item, 0, report()))
    assert status.decision == "drifted"
    assert "does not mount the patched file" in status.reasons[0]


def test_a_mount_over_another_path():
    """A mount at another path has drifted."""
    item = copy.deepcopy(OURS)
    item["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] = "/x.py"
    assert "mounts over /x.py" in row(item).reasons[0]


def test_annotations_without_init_container():
    """Annotations without the init container are drift."""
    item = copy.deepcopy(OURS)
    del item["spec"]["template"]["spec"]["initContainers"]
    status = row(item, pod(item))
    assert status.decision == "drifted"
    assert "the init container is missing" in status.reasons[0]


def test_init_container_without_annotations():
    """An init container without annotations is drift."""
    item = copy.deepcopy(OURS)
    item["spec"]["template"]["metadata"]["annotations"] = None
    assert "annotations of the overlay are missing" in row(item).reasons[0]


def test_a_proxy_of_another_name_is_found_by_the_overlay():
    """A proxy with another image is found by its overlay; its release comes from the report."""
    item = overlaid(workload())
    for part in ("containers", "initContainers"):
        item["spec"]["template"]["spec"][part][0]["image"] = "registry.example.com/llm-proxy"
    status = row(item, pod(item, 0, report()))
    assert (status.decision, status.image) == ("patched", "registry.example.com/llm-proxy")
    assert row(item).litellm_version is None


def test_a_release_that_the_catalogue_does_not_have():
    """A release that the catalogue lacks is shown without a reason."""
    status = row(OURS, pod(OURS, 0, report("upstream-fixed", litellmVersion="1.96.1")))
    assert (status.litellm_version, status.advisories, status.reasons) == ("1.96.1", (), ())


@pytest.mark.parametrize("decision", ["patched", "upstream-fixed"])
def test_a_release_that_is_newer_than_the_catalogue(decision):
    """A release newer than the catalogue keeps the guard's decision, with a reason."""
    status = row(OURS, pod(OURS, 0, report(decision, litellmVersion="1.999.0")))
    assert (status.litellm_version, status.decision, status.advisories) == ("1.999.0", decision, ())
    (reason,) = status.reasons
    assert "nobody here has looked at it" in reason
    assert reason.endswith("its advisories are not known here")
