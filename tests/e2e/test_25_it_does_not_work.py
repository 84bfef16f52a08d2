"""Story 25: docs/troubleshooting.md, followed row by row from symptom to cure.

Each test causes the symptom and types the page's commands. The cure is that of the row or of a
tool's output. This file has the rows up to the handshake; test_25_after_the_handshake.py and
test_25_on_the_way.py have the others.
"""

from __future__ import annotations

import re

import pytest
import yaml
from websockets.exceptions import InvalidStatus

from e2e.kit.first_aid import APPLY, DESCRIBE, WORKS, pod_of, proxy_of
from e2e.kit.foreign import APP, CHART, chart_values
from e2e.kit.stories import MASTER_KEY
from kind.litellm import module_in
from support.client import connect

OUTPUT = "litellm-overlay-output"


def ours(deployment):
    """Return the volume mount of the patched file."""
    mounts = proxy_of(deployment)["volumeMounts"]
    return next(mount for mount in mounts if mount["name"] == OUTPUT)


def test_a_job_that_mounts_the_file(aid):
    """Volumes and mounts added by hand block the migrations Job; doctor's command cures it."""
    mine, half = aid.folder / "mine.yaml", aid.folder / "half.yaml"
    values = chart_values(aid.namespace.world.image("venv"), "plain")
    mine.write_text(yaml.safe_dump(values))
    install = f"helm upgrade --install theirs {CHART} --values mine.yaml --values"
    with aid.row("a Job or a container that mounts the file cannot start"):
        aid.sh(
            "litellm-overlay render --format litellm-helm-values --chart-values mine.yaml > half.yaml"
        )
        by_hand = yaml.safe_load(half.read_text())
        del by_hand["migrationJob"]
        half.write_text(yaml.safe_dump(by_hand))
        assert "timed out" in aid.sh(f"{install} half.yaml --timeout 10s", codes=(1,))
        render = aid.finding("no-init-container", "no init container writes it").fix.splitlines()[0]
        aid.sh(render.replace("MINE.yaml", "mine.yaml"))
        aid.sh(f"{install} overlay-values.yaml --timeout 120s")
        job = aid.namespace.get("job", "theirs-litellm-migrations")
        assert job["status"]["succeeded"] == 1
        aid.assert_fixed("no-init-container")
    aid.sh("helm uninstall theirs --wait")


def test_the_handshake(aid):
    """The handshake gets 403 on a stock image, and while a part of the overlay is missing."""

    def no_init_container(deployment):
        del pod_of(deployment)["initContainers"]

    def no_mount(deployment):
        proxy_of(deployment)["volumeMounts"].remove(ours(deployment))

    def elsewhere(deployment):
        ours(deployment)["mountPath"] = "/app/litellm/endpoints.py"

    refused = "handshake needs ?model=, without it HTTP 403"
    with aid.row("403 at the handshake"):
        (aid.folder / "manifests.yaml").write_text(yaml.safe_dump(aid.plain()))
        aid.sh(f"{APPLY} manifests.yaml")
        aid.settle()
        assert refused in aid.probe()
        fix = aid.finding("affected").fix
        aid.deploy(after=no_init_container)
        aid.finding("no-init-container")
        assert refused in aid.probe()  # from the old pod
        for topic, fault in (("no-mount", no_mount), ("module-path", elsewhere)):
            aid.deploy(after=fault)
            aid.settle()
            assert refused in aid.probe()
            assert aid.finding(topic).fix.startswith("litellm-overlay inject < MANIFESTS")
        aid.sh(f"{fix.replace('MANIFESTS', 'manifests.yaml')} | {APPLY} -")
        aid.settle()
        assert WORKS in aid.probe()
        aid.assert_fixed("affected", "no-init-container", "no-mount", "module-path")


async def test_a_wrong_key(aid, serving):
    """A wrong key also gets 403, and so does a key in a form that POST does not accept."""
    with aid.row("403, patched"):
        assert "refused" in aid.probe(key="sk-wrong", options="--output json")
        aid.probe(key="sk-wrong")
        with aid.port_forward() as url, pytest.raises(InvalidStatus) as refusal:
            await connect(f"ws{url[4:]}/v1/responses", None, {"authorization": MASTER_KEY})
        assert refusal.value.response.status_code == 403
        assert WORKS in aid.probe()


def test_the_guard_refuses(aid, serving):
    """Each of three refusals is in describe and, with a hint, in doctor; the old pod serves."""
    world = aid.namespace.world

    def altered(deployment):
        proxy_of(deployment)["image"] = world.image("changed")

    def malicious(deployment):
        # The metadata of the release, as such an image has it.
        folder = re.sub("/litellm/.*", "/litellm-1.82.7.dist-info", module_in(world.image("venv")))
        pod = pod_of(deployment)
        pod["volumes"].append({"name": "malware", "configMap": {"name": "malware"}})
        (guard,) = pod["initContainers"]
        guard["volumeMounts"].append({"name": "malware", "mountPath": folder})

    metadata = {"METADATA": "Metadata-Version: 2.1\nName: litellm\nVersion: 1.82.7\n"}
    aid.namespace.apply({"kind": "ConfigMap", "metadata": {"name": "malware"}, "data": metadata})
    wrong = f"--module-path {module_in(world.image('system'))}"
    faults = {
        "looks affected, but was altered": ({"before": altered}, "Use an unmodified LiteLLM"),
        "is mounted over": ({"options": wrong}, "Set modulePath to"),
        "malicious releases": ({"after": malicious}, "rotate every credential"),
    }
    old = aid.namespace.pod(APP)
    with aid.row("`Init:CrashLoopBackOff`"):
        for sentence, (fault, hint) in faults.items():
            aid.deploy(**fault)
            assert hint in aid.finding("refused", sentence).fix
            aid.shown("Init:CrashLoopBackOff")
            assert sentence in aid.sh(DESCRIBE)
            if sentence == "is mounted over":
                path = re.search(r"Set modulePath to (\S+)\.", aid.finding("refused").fix)[1]
                aid.deploy(f"--module-path {path}")
            else:
                aid.deploy()
            aid.assert_fixed("refused")
    pod = aid.namespace.pod(APP)
    assert pod["metadata"]["uid"] == old["metadata"]["uid"]


def test_the_payload_is_not_there(aid, serving):
    """Without the payload's ConfigMap the pod waits; the command from doctor creates it."""
    payloads = "app.kubernetes.io/component=payload"
    with aid.row("`Init:0/1` for minutes"):
        aid.sh(f"kubectl delete configmaps --selector {payloads}")
        aid.overlay("--patch 1.0.0")
        aid.sh(f"{APPLY} overlaid.yaml --selector '{payloads.replace('=', '!=')}'")
        finding = aid.finding("payload-missing")
        aid.shown("Init:0/1")
        aid.sh(finding.fix)
        aid.started()
        aid.assert_fixed("payload-missing")
    aid.deploy()


def test_the_kubelet_waits(aid, serving):
    """`doctor` repeats the kubelet's reason: a missing Secret, a root user, or an image."""
    none = {"secretKeyRef": {"name": "nobody-made-it", "key": "key"}}

    def secret(deployment):
        proxy_of(deployment)["env"].append({"name": "NONE", "valueFrom": none})

    def root(deployment):
        del pod_of(deployment)["securityContext"]["runAsUser"]

    def image(deployment):
        proxy_of(deployment)["image"] = "localhost:1/litellm:v1.88.6"

    with aid.row("`CreateContainerConfigError`, `ImagePullBackOff`"):
        aid.deploy(before=secret)
        aid.finding("pod-waiting", 'secret "nobody-made-it" not found')
        aid.shown("CreateContainerConfigError")
        aid.sh("kubectl create secret generic nobody-made-it --from-literal=key=value")
        aid.started()
        aid.deploy(before=root)
        aid.finding("pod-waiting", "runAsNonRoot and image will run as root")
        aid.shown("Init:CreateContainerConfigError")
        aid.deploy()  # sets runAsUser: 65534
        aid.assert_fixed("pod-waiting")
        aid.deploy(before=image)
        aid.finding("pod-waiting", "localhost:1/litellm:v1.88.6")
        aid.shown("Init:ImagePullBackOff")
        aid.deploy()
        aid.assert_fixed("pod-waiting")


def test_a_volume_over_app(aid, serving):
    """A volume over /app or a mount without subPath hides files; doctor says how to mount."""
    config = {"name": "config", "mountPath": "/app"}

    def mounted(deployment):
        proxy_of(deployment)["volumeMounts"].append(config)

    def whole(deployment):
        del ours(deployment)["subPath"]

    with aid.row("`CrashLoopBackOff`, with `StartError`"):
        aid.deploy(after=mounted)
        aid.shown(" CrashLoopBackOff")
        assert "StartError" in aid.sh(DESCRIBE)
        fix = aid.finding("module-hidden").fix
        config.update(yaml.safe_load("{" + fix.partition(": ")[2] + "}"))
        assert config["subPath"] == "config.yaml"
        aid.deploy(before=mounted)
        aid.started()
        aid.assert_fixed("module-hidden")
        aid.deploy(after=whole)
        fix = aid.finding("no-subpath").fix.splitlines()[0]
        aid.sh(f"{fix.replace('MANIFESTS', 'manifests.yaml')} | {APPLY} -")
        aid.started()
        aid.assert_fixed("no-subpath")
    aid.deploy()
