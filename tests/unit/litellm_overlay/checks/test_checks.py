"""Each fault of an overlay, as objects: doctor finds it, and nothing else.

More than 300 lines, since it is a list: one fault, one test.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fakes import objects as fake
from litellm_overlay import checks
from litellm_overlay.catalogue import releases
from litellm_overlay.overlay.payload import payloads

CATALOGUE = releases.load()
TESTS = Path(__file__).parents[3]
DRAIN = (TESTS.parent / "manifests" / "drain.sh").read_text()
GOLDEN = sorted(
    [
        *TESTS.glob("chart/golden/*.yaml"),
        *TESTS.glob("golden/*/expected.manifests.yaml"),
        *TESTS.glob("golden/*/expected.inject.yaml"),
    ]
)


MALICIOUS_INDEX = "sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e"


def find(*objects):
    """Return (severity, topic) of each finding."""
    return [(item.severity, item.topic) for item in checks.findings(objects, CATALOGUE)]


def only(*objects):
    """Return the one finding; fail if there are none or several."""
    (item,) = checks.findings(objects, CATALOGUE)
    return item


def test_nothing_is_wrong_with_a_whole_overlay():
    """A correct overlay has no finding."""
    whole = fake.overlaid()
    payload = fake.pod_of(whole)["volumes"][0]["configMap"]["name"]
    assert find(whole, fake.service(), fake.config_map(payload)) == []


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/berriai/litellm:v1.88.6", [("error", "affected")]),
        ("litellm:v1.82.3", [("error", "affected"), ("warning", "advisories")]),
        ("ghcr.io/berriai/litellm:v1.82.7", [("error", "malicious")]),
        ("ghcr.io/berriai/litellm:v1.107.0", [("error", "malicious")]),
        ("ghcr.io/berriai/litellm:v1.90.0-of-1.107.0", [("error", "malicious")]),
        (f"ghcr.io/berriai/litellm:v1.90.0@{MALICIOUS_INDEX}", [("error", "malicious")]),
        ("ghcr.io/berriai/litellm:v1.89.0", [("error", "handshake-fixed")]),
        ("ghcr.io/berriai/litellm:v1.90.0", []),
        ("ghcr.io/berriai/litellm:main-stable", [("warning", "unknown-release")]),
        ("ghcr.io/berriai/litellm@sha256:" + "a" * 64, [("warning", "unknown-release")]),
        ("ghcr.io/berriai/litellm:v1.999.0", [("note", "unreviewed")]),
        ("ghcr.io/berriai/litellm:v1.96.1", [("warning", "unknown-release")]),
        ("ghcr.io/berriai/litellm:v2026.11.26", [("warning", "unknown-release")]),
        ("redis:7", []),
        ("not an image", []),
    ],
)
def test_the_release_of_a_proxy_without_overlay(image, expected):
    """Without the overlay the tag's release decides; other images have no finding."""
    assert find(fake.stock(image)) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/berriai/litellm:v1.90.0", [("note", "fixed")]),
        ("ghcr.io/berriai/litellm:v1.89.0", []),
        ("ghcr.io/berriai/litellm:v1.999.0", [("note", "unreviewed")]),
        ("ghcr.io/berriai/litellm:v1.82.8", [("error", "malicious"), ("warning", "module-path")]),
        ("ghcr.io/berriai/litellm:main-stable", [("note", "unknown-release")]),
    ],
)
def test_the_release_of_a_proxy_with_overlay(image, expected):
    """With the overlay a fixed release is a note, and an unknown one is left to the guard."""
    assert find(fake.overlaid(image)) == expected


def test_the_bridge_on_a_fixed_release_is_as_it_should_be():
    """A bridge on a fixed release that the operator chose has no finding."""
    item = fake.overlaid("ghcr.io/berriai/litellm:v1.90.0")
    plan = fake.pod_of(item)["initContainers"][0]["env"][0]
    plan["value"] = plan["value"].replace('"onFixed":"passthrough"', '"onFixed":"patch"')
    assert find(item) == []


def test_release_without_endpoint_under_the_overlay():
    """A release without the endpoint under the overlay is an error."""
    older = CATALOGUE.in_state("no-endpoint")[-1].version
    found = find(fake.overlaid(f"litellm:v{older}"))
    assert ("error", "no-endpoint") in found


def test_the_guards_report_counts_more_than_the_tag():
    """The guard's report counts more than the tag."""
    image = "ghcr.io/berriai/litellm:main-stable"
    report = {"decision": "upstream-fixed", "litellmVersion": "1.90.0", "modulePath": fake.PATH}
    assert find(fake.overlaid(image), fake.pod(report)) == [("note", "fixed")]


@pytest.mark.parametrize(
    ("image", "report", "running"),
    [
        ("litellm:v1.82.7", {"litellmVersion": "1.88.6"}, "sha256:a"),
        ("litellm:main-stable", {"litellmVersion": "1.107.0"}, "sha256:a"),
        ("litellm:main-stable", {"litellmVersion": "1.90.0"}, f"r/litellm@{MALICIOUS_INDEX}"),
    ],
)
def test_malware_is_an_error_whoever_names_it(image, report, running):
    """Malware is an error, whether tag, guard or kubelet names it."""
    said = {"decision": "upstream-fixed", "modulePath": fake.PATH, **report}
    pods = fake.pod(said, images=(running, running))
    found = checks.findings([fake.overlaid(image), pods], CATALOGUE)
    (item,) = [it for it in found if it.topic == "malicious"]
    assert item.severity == "error"
    assert "Source: https://" in item.why


def test_refused_in_a_crash_loop():
    """In a crash loop the message and hint of the previous run are the finding."""
    report = {"decision": "refused", "exitCode": 16, "message": "Wrong path.", "hint": "Set it."}
    item = only(fake.overlaid(), fake.pod(report, waiting=True))
    assert (item.object, item.severity) == ("Pod/llm/litellm-1", "error")
    assert (item.what, item.fix) == ("Wrong path.", "Set it.")


def test_passthrough_is_not_patched():
    """A passthrough is a warning, since the operator asked for it."""
    report = {"decision": "passthrough", "message": "NOT PATCHED"}
    assert find(fake.overlaid(), fake.pod(report)) == [("warning", "passthrough")]


@pytest.mark.parametrize("message", ['{"decision": "pat', "Killed", "[1]", "{}"])
def test_termination_message_cut_or_not_json(message):
    """A termination message that is cut or no JSON is a warning."""
    assert find(fake.overlaid(), fake.pod(message)) == [("warning", "report-unreadable")]


def test_init_and_proxy_of_a_moved_tag():
    """Guard and proxy with different image ids are an error."""
    report = {"decision": "patched", "litellmVersion": "1.88.6"}
    found = find(fake.overlaid(), fake.pod(report, images=("sha256:a", "sha256:b")))
    assert found == [("error", "two-images")]


def test_guard_killed_before_it_could_report():
    """A guard that was killed without a report counts as a refusal, with the kubelet's reason."""
    killed = fake.pod("", waiting=True)
    ended = killed["status"]["initContainerStatuses"][0]["lastState"]["terminated"]
    ended |= {"reason": "OOMKilled", "exitCode": 137}
    item = only(fake.overlaid(), killed)
    assert item.topic == "refused"
    assert "exit code 137 (OOMKilled)" in item.what
    assert item.fix.startswith("kubectl logs ")


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ("initContainerStatuses", "ImagePullBackOff"),
        ("containerStatuses", "CreateContainerConfigError"),
    ],
)
def test_image_pull_error_and_missing_secret(container, reason):
    """A waiting container is an error with the kubelet's message."""
    pod = fake.pod({"decision": "patched", "litellmVersion": "1.88.6"})
    waiting = {"reason": reason, "message": 'secret "keys" not found'}
    pod["status"][container][0]["state"] = {"waiting": waiting}
    item = only(fake.overlaid(), pod)
    assert (item.severity, item.topic) == ("error", "pod-waiting")
    assert f'{reason}: secret "keys" not found' in item.what


def test_pod_that_was_evicted():
    """An evicted pod has no finding."""
    pod = fake.pod({"decision": "refused", "message": "No."})
    pod["status"]["phase"] = "Failed"
    assert find(fake.overlaid(), pod) == []


def test_zero_replicas():
    """Zero replicas have no finding."""
    deployment = fake.overlaid()
    deployment["spec"]["replicas"] = 0
    assert find(deployment) == []


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_workloads(kind):
    """StatefulSets and DaemonSets are checked like Deployments."""
    whole, stock = fake.overlaid(), fake.stock()
    whole["kind"] = stock["kind"] = kind
    assert find(whole) == [("warning", "outage")]
    assert only(stock).object == f"{kind}/llm/litellm"


def test_pods_without_their_deployment():
    """A pod is checked without its Deployment."""
    report = {"decision": "refused", "message": "No.", "hint": ""}
    assert find(fake.pod(report)) == [("error", "refused")]


def test_init_container_of_our_name_that_is_not_ours():
    """A foreign init container of our name is an error."""
    deployment = fake.overlaid(initContainers=[{"name": "litellm-overlay", "image": "busybox"}])
    assert ("error", "foreign-init-container") in find(deployment)


def test_our_init_container_through_a_shell():
    """Our init container is recognized behind a shell."""
    deployment = fake.overlaid()
    init = fake.pod_of(deployment)["initContainers"][0]
    init["command"] = ["sh", "-c", "exec python3 -S -s -m endpoint_patch"]
    assert find(deployment) == []
    init["command"], init["args"] = ["python3"], ["-S", "-s", "-m", "endpoint_patch"]
    assert find(deployment) == []
    init["command"], init["args"] = ["sh", "-c"], ["exec python3 -I -S '/x/endpoint_patch'"]
    assert find(deployment) == []
    init["args"] = ["exec python3 -I -S /x/endpoint_patch_of_another"]
    assert find(deployment) != []


def test_init_container_gone():
    """A missing init container is found, with the cause that a values file replaces the list."""
    item = only(fake.overlaid(initContainers=[{"name": "wait", "image": "busybox"}]))
    assert item.topic == "no-init-container"
    assert "replaces the whole list" in item.why


def test_migrations_job_with_the_mount_alone():
    """A migrations Job with only the mount is an error."""
    spec = {key: it for key, it in fake.pod_of(fake.overlaid()).items() if key != "initContainers"}
    item = only(fake.overlaid(), fake.workload(spec, "Job", "migrations"))
    assert (item.object, item.topic) == ("Job/llm/migrations", "no-init-container")
    assert "migrations Job" in item.why


def test_migrations_job_with_the_stock_file():
    """A migrations Job with the stock file, as `render` writes it, has no finding."""
    spec = fake.pod_of(fake.overlaid(initContainers=[{"name": "litellm-overlay-stock"}]))
    assert find(fake.overlaid(), fake.workload(spec, "Job", "migrations")) == []


def test_init_container_not_first():
    """An init container before the guard is a note, since it runs unchecked."""
    deployment = fake.overlaid()
    fake.pod_of(deployment)["initContainers"].insert(0, {"name": "migrate", "image": fake.IMAGE})
    assert find(deployment) == [("note", "init-not-first")]


def test_init_container_of_another_image():
    """A guard with another image than the proxy's is an error."""
    deployment = fake.overlaid()
    fake.proxy_of(deployment)["image"] = "ghcr.io/berriai/litellm:v1.88.5"
    assert find(deployment) == [("error", "other-image")]


def test_init_container_without_mount():
    """A missing mount is an error, and the fix prints it."""
    deployment = fake.overlaid()
    (mount,) = fake.proxy_of(deployment).pop("volumeMounts")
    item = only(deployment)
    assert (item.severity, item.topic) == ("error", "no-mount")
    by_hand = [line for line in item.fix.splitlines() if line.startswith("  ")]
    assert yaml.safe_load("\n".join(by_hand)) == [mount]


def test_mount_of_the_whole_volume():
    """A mount without subPath is an error, and the fix prints the key."""
    deployment = fake.overlaid()
    (mount,) = fake.proxy_of(deployment)["volumeMounts"]
    file = mount.pop("subPath")
    item = only(deployment)
    assert (item.severity, item.topic) == ("error", "no-subpath")
    assert item.what == (
        "the container litellm mounts the volume litellm-overlay-output without its subPath"
    )
    assert item.fix.splitlines()[-1] == f"  subPath: {file}"
    mount["subPath"] = file
    assert find(deployment) == []


def test_two_litellm_containers():
    """Two LiteLLM containers in a pod are found."""
    deployment = fake.stock("ghcr.io/berriai/litellm:v1.90.0")
    second = {"name": "second", "image": "ghcr.io/berriai/litellm:v1.90.0"}
    fake.pod_of(deployment)["containers"].append(second)
    item = only(deployment)
    assert item.topic == "two-proxies"
    assert "litellm and second" in item.what
    overlaid = fake.overlaid()
    second = {"name": "second", "image": fake.IMAGE}
    fake.pod_of(overlaid)["containers"].append(second)
    bare = only(overlaid)
    assert (bare.severity, bare.topic) == ("note", "two-proxies")
    assert bare.what == "LiteLLM's image runs without our mount in second"
    assert "inject --container litellm,second < MANIFESTS" in bare.fix
    second["env"] = [{"name": "LITELLM_JOB_ROLE", "value": "worker"}]
    assert find(overlaid) == []
    second |= {**fake.proxy_of(overlaid), "name": "second"}
    assert find(overlaid) == []


def test_mount_over_app():
    """A volume over /app hides the module, as in LiteLLM's own example."""
    mounts = [{"name": "config", "mountPath": "/app/"}]
    deployment = fake.stock(volumeMounts=mounts)
    assert ("error", "module-hidden") in find(deployment)
    overlaid = fake.overlaid()
    fake.proxy_of(overlaid)["volumeMounts"] += mounts
    assert find(overlaid) == [("error", "module-hidden")]


def test_mount_over_app_where_the_layout_is_not_certain():
    """Where the layout is not certain, a volume over /app is a warning."""
    image = "ghcr.io/berriai/litellm:v1.83.7"
    mounts = [{"name": "config", "mountPath": "/app"}]
    assert ("warning", "module-hidden") in find(fake.stock(image, volumeMounts=mounts))


def test_mount_of_one_file_in_app():
    """A mount of one file in /app has no finding."""
    mounts = [{"name": "config", "mountPath": "/app/config.yaml", "subPath": "config.yaml"}]
    image = "ghcr.io/berriai/litellm:v1.90.0"
    assert find(fake.stock(image, volumeMounts=mounts)) == []


def test_path_that_the_catalogue_does_not_know():
    """An unknown module path is a warning until a pod's report confirms it."""
    path = (
        "/opt/venv/lib/python3.12/site-packages/litellm/proxy/response_api_endpoints/endpoints.py"
    )
    assert find(fake.overlaid(path=path)) == [("warning", "module-path")]
    report = {"decision": "patched", "litellmVersion": "1.88.6", "modulePath": path}
    assert find(fake.overlaid(path=path), fake.pod(report)) == []


def test_mount_moved_away_from_the_guards_path():
    """A mount at another path than the guard's is an error."""
    deployment = fake.overlaid()
    fake.proxy_of(deployment)["volumeMounts"][0]["mountPath"] = "/app/litellm/endpoints.py"
    assert find(deployment) == [("error", "module-path")]


def test_payload_that_does_not_exist():
    """A missing payload is an error if there are ConfigMaps among the objects."""
    assert find(fake.overlaid(), fake.config_map("payload-1.0.0")) == [("error", "payload-missing")]
    live = {"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "llm", "uid": "1"}}
    assert find(fake.overlaid(), live) == [("error", "payload-missing")]
    elsewhere = {"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "llm"}}
    assert find(fake.overlaid(), elsewhere) == []


@pytest.mark.parametrize("name", ["litellm-overlay", "litellm"], ids=["inject", "chart"])
def test_the_command_for_a_missing_payload_makes_it(name):
    """The fix for a missing payload renders it by its name and version."""
    (oldest, *_) = payloads(name, CATALOGUE)
    deployment = fake.overlaid()
    fake.pod_of(deployment)["volumes"][0]["configMap"]["name"] = oldest.name
    render, _, kubectl = only(deployment, fake.config_map("other")).fix.rpartition(" | ")
    assert kubectl == "kubectl apply --namespace llm --filename -"
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    shell = subprocess.run(["sh", "-c", render], env=environ, capture_output=True, check=True)
    made = {item["metadata"]["name"] for item in yaml.safe_load_all(shell.stdout)}
    assert oldest.name in made
    assert f" --patch {oldest.version} " in f"{render} "


def test_ephemeral_storage_limit_of_the_init_container_alone():
    """An ephemeral-storage limit of the init container alone is an error: it holds the pod."""
    deployment = fake.overlaid()
    init = fake.pod_of(deployment)["initContainers"][0]
    init["resources"] = {"limits": {"ephemeral-storage": "32Mi"}}
    assert find(deployment) == [("error", "ephemeral-storage")]
    fake.proxy_of(deployment)["resources"] = {"limits": {"ephemeral-storage": "1Gi"}}
    assert find(deployment) == []


def test_no_pre_stop():
    """A missing preStop hook is a warning, with one replica two."""
    deployment = fake.overlaid()
    del fake.proxy_of(deployment)["lifecycle"]
    assert find(deployment) == [("warning", "no-drain")]
    deployment["spec"]["replicas"] = 1
    assert find(deployment) == [("warning", "no-drain"), ("note", "one-replica")]
    deployment["spec"]["replicas"] = [1]
    assert find(deployment) == [("warning", "no-drain")]
    deployment["spec"]["replicas"] = 1
    target = {"kind": "Deployment", "name": "litellm"}
    scaler = fake.custom("HorizontalPodAutoscaler", scaleTargetRef=target)
    assert find(deployment, scaler) == [("warning", "no-drain")]


@pytest.mark.parametrize(
    ("hook", "grace", "short"),
    [
        ({"exec": {"command": ["sh", "-c", "sleep 5; touch /x; sleep 120"]}}, 154, True),
        ({"exec": {"command": ["sh", "-c", "sleep 5; touch /x; sleep 120"]}}, 155, False),
        ({"exec": {"command": ["sleep", "120"]}}, None, True),
        ({"exec": {"command": ["sh", "-c", 'sleep "$1"', "wait", "120"]}}, 149, True),
        ({"exec": {"command": ["sh", "-c", 'sleep "$1"', "wait", "120"]}}, 150, False),
        ({"exec": {"command": ["sh", "-c", "sleep ${1}"]}}, None, False),
        ({"exec": {"command": ["sh", "-c", DRAIN, "drain", "/x", "600", "4000"]}}, 629, True),
        ({"exec": {"command": ["sh", "-c", DRAIN, "drain", "/x", "600", "4000"]}}, 630, False),
        ({"sleep": {"seconds": 20}}, None, True),
        ({"exec": {"command": ["/drain.sh"]}}, None, False),
        ({"exec": {"command": ["sh", "-c", "e=$(($(date +%s) + $G)); wait"]}}, None, False),
        ({"httpGet": {"path": "/drain"}}, None, False),
    ],
)
def test_grace_shorter_than_the_drain(hook, grace, short):
    """A grace period shorter than the drain is a warning; unknown hooks are not judged."""
    deployment = fake.overlaid(terminationGracePeriodSeconds=grace)
    fake.proxy_of(deployment)["lifecycle"] = {"preStop": hook}
    assert find(deployment) == ([("warning", "short-grace")] if short else [])


def test_helm_hooks_and_owned_objects_are_left_alone():
    """Helm hooks and owned objects have no finding."""
    hook = fake.workload({"containers": [{"name": "x", "image": fake.IMAGE}]}, name="test")
    hook["metadata"]["annotations"] = {"helm.sh/hook": "test"}
    assert find(hook) == []


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"kind": "Deployment"},
        {"kind": "Deployment", "metadata": None, "spec": None},
        {"kind": "Deployment", "spec": {"template": {"spec": {"containers": ["litellm", None]}}}},
        {"kind": "Pod", "spec": []},
        {"kind": "Ingress", "spec": {"rules": [None]}},
        {"kind": "CronJob", "spec": {"jobTemplate": 1}},
        {"kind": "ConfigMap", "metadata": {"labels": None}},
    ],
)
def test_half_an_object_is_no_crash(broken):
    """Incomplete objects cause no crash."""
    assert find(broken, fake.overlaid(), fake.service()) == []


def test_sorted_by_object_then_by_severity():
    """Findings are sorted by object, then by severity, without duplicates."""
    second = fake.stock("litellm:v1.82.3")
    second["metadata"]["name"] = "second"
    found = checks.findings([fake.stock("litellm:v1.82.3"), second], CATALOGUE)
    assert [(item.object, item.severity) for item in found] == [
        ("Deployment/llm/litellm", "error"),
        ("Deployment/llm/litellm", "warning"),
        ("Deployment/llm/second", "error"),
        ("Deployment/llm/second", "warning"),
    ]


def test_every_finding_says_what_why_and_how():
    """Every finding says what is wrong, why, and how to fix it."""
    for path in GOLDEN:
        objects = [item for item in yaml.safe_load_all(path.read_text()) if item]
        for item in checks.findings(objects, CATALOGUE):
            assert item.what.strip()
            assert item.why.strip()
            assert item.fix.strip()
