"""Story 25: each row of the README's "It does not work" about pods, from symptom to cure.

The symptom is brought about, the README's own commands are typed, and the cure is the row's or what
the tool printed. Rows about the way to the pods are in test_25_on_the_way.py.
"""

from __future__ import annotations

import json
import re

import pytest
import yaml
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fakes.client import close_code, connect, hear, receive_turn, said, say, turn
from fakes.first_aid import APPLY, DESCRIBE, FirstAid, pod_of, proxy_of
from fakes.foreign import APP, CHART, chart_values
from fakes.stories import MASTER_KEY, until
from kind.litellm import module_in

WORKS = "Codex works over WebSocket here"
OUTPUT = "litellm-overlay-output"


@pytest.fixture(scope="module")
def aid(namespace, tmp_path_factory):
    """Sit down at a shell."""
    return FirstAid(namespace, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def serving(aid):
    """Have a proxy that works; a story that puts another template in its place takes it back."""
    aid.deploy()
    aid.settle()
    return aid.namespace


def ours(deployment):
    """Return the mount of the one file."""
    mounts = proxy_of(deployment)["volumeMounts"]
    return next(mount for mount in mounts if mount["name"] == OUTPUT)


def shown(aid, status):
    """Wait until `kubectl get pods` shows a status."""
    until(lambda: status in aid.sh("kubectl get pods"), status)


def started(aid):
    """Wait until the newest pod's proxy runs; return the pod's name."""

    def running():
        pod = aid.newest()
        (proxy,) = pod["status"].get("containerStatuses", [{}])
        return "running" in proxy.get("state", {}) and pod["metadata"]["name"]

    return until(running, "the proxy's container to run")


def test_the_handshake(aid):
    """403 on a stock image, and for as long as the overlay lacks one of its parts."""

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
        assert refused in aid.probe()  # the old pod
        for topic, fault in (("no-mount", no_mount), ("module-path", elsewhere)):
            aid.deploy(after=fault)
            aid.settle()
            assert refused in aid.probe()
            assert aid.finding(topic).fix.startswith("litellm-overlay inject < MANIFESTS")
        aid.sh(f"{fix.replace('MANIFESTS', 'manifests.yaml')} | {APPLY} -")
        aid.settle()
        assert WORKS in aid.probe()
        aid.cured("affected", "no-init-container", "no-mount", "module-path")


async def test_a_wrong_key(aid, serving):
    """403 as well, and LiteLLM's reasons: an unknown key, or one in a header that it does not read."""
    with aid.row("403, patched"):
        assert "refused" in aid.probe(key="sk-wrong", options="--output json")
        aid.probe(key="sk-wrong")
        with aid.port_forward() as url, pytest.raises(InvalidStatus) as refusal:
            await connect(f"ws{url[4:]}/v1/responses", None, {"x-api-key": MASTER_KEY})
        assert refusal.value.response.status_code == 403
        assert WORKS in aid.probe()


def test_the_guard_refuses(aid, serving):
    """Three reasons, each with its sentence in describe and its hint in doctor; the old pod serves."""
    world = aid.namespace.world

    def altered(deployment):
        proxy_of(deployment)["image"] = world.image("changed")

    def malicious(deployment):
        # What such an image has as well: the metadata of the release.
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
    with aid.row("`Init:CrashLoopBackOff`"):
        for sentence, (fault, hint) in faults.items():
            aid.deploy(**fault)
            assert hint in aid.finding("refused", sentence).fix
            shown(aid, "Init:CrashLoopBackOff")
            assert sentence in aid.sh(DESCRIBE)
            assert WORKS in aid.probe()
            if sentence == "is mounted over":
                path = re.search(r"Set modulePath to (\S+)\.", aid.finding("refused").fix)[1]
                aid.deploy(f"--module-path {path}")
            else:
                aid.deploy()
            aid.cured("refused")


def test_the_payload_is_not_there(aid, serving):
    """Somebody applied the Deployment alone; the command that doctor prints makes what is missing."""
    payloads = "app.kubernetes.io/component=payload"
    with aid.row("`Init:0/1` for minutes"):
        aid.sh(f"kubectl delete configmaps --selector {payloads}")
        aid.overlay("--patch 1.0.0")
        aid.sh(f"{APPLY} overlaid.yaml --selector '{payloads.replace('=', '!=')}'")
        finding = aid.finding("payload-missing")
        shown(aid, "Init:0/1")
        aid.sh(finding.fix)
        started(aid)
        aid.cured("payload-missing")
    aid.deploy()


def test_the_kubelet_waits(aid, serving):
    """For a Secret, for a user that is not root, for an image; doctor repeats the kubelet's words."""
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
        shown(aid, "CreateContainerConfigError")
        aid.sh("kubectl create secret generic nobody-made-it --from-literal=key=value")
        started(aid)
        aid.deploy(before=root)
        aid.finding("pod-waiting", "runAsNonRoot and image will run as root")
        shown(aid, "Init:CreateContainerConfigError")
        aid.deploy()  # with runAsUser: 65534
        aid.cured("pod-waiting")
        aid.deploy(before=image)
        aid.finding("pod-waiting", "localhost:1/litellm:v1.88.6")
        shown(aid, "Init:ImagePullBackOff")
        aid.deploy()
        aid.cured("pod-waiting")


def test_a_job_that_mounts_the_file(aid):
    """LiteLLM's chart, given volumes and mounts by hand: its migrations never begin."""
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
        aid.sh(f"{install} half.yaml --timeout 15s", codes=(1,))
        render = aid.finding("no-init-container", "no init container writes it").fix.splitlines()[0]
        aid.sh(render.replace("MINE.yaml", "mine.yaml"))
        aid.sh(f"{install} overlay-values.yaml --timeout 120s")
        job = aid.namespace.get("job", "theirs-litellm-migrations")
        assert job["status"]["succeeded"] == 1
        aid.cured("no-init-container")
    aid.sh("helm uninstall theirs")


def test_a_volume_over_app(aid, serving):
    """It hides LiteLLM; doctor says how to mount the one file that was meant."""
    config = {"name": "config", "mountPath": "/app"}

    def mounted(deployment):
        proxy_of(deployment)["volumeMounts"].append(config)

    with aid.row("it starts, and LiteLLM is not found"):
        aid.deploy(before=mounted)
        fix = aid.finding("module-hidden").fix
        config.update(yaml.safe_load("{" + fix.partition(": ")[2] + "}"))
        assert config["subPath"] == "config.yaml"
        aid.deploy(before=mounted)
        started(aid)
        aid.cured("module-hidden")
    aid.deploy()


@pytest.fixture
def drops(aid):
    """Have a provider that breaks every answer off in the middle; the model is called "drops"."""
    provider = aid.namespace.world.start_provider("drops", "TRIGGERDROP")
    yield
    provider.delete()


def spent(aid):
    """Return the tokens of each call that LiteLLM's proxy accounted for."""
    lines = [line for line in aid.namespace.logs(selector=APP).splitlines() if "SPENT " in line]
    return [json.loads(line.partition("SPENT ")[2])["total_tokens"] for line in lines]


def test_what_1_0_0_leaves(aid, drops):
    """Turns that end in silence, and turns that nobody pays for; 2.0.0 mends both."""
    older = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "older"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "older"}},
            "template": {
                "metadata": {"labels": {"app": "older"}},
                "spec": {
                    "containers": [{"name": "litellm", "image": "ghcr.io/berriai/litellm:v1.89.7"}]
                },
            },
        },
    }
    waits = "Codex would wait for up to 300 s"
    with aid.row("a turn hangs"), aid.row("spend missing"):
        aid.deploy("--patch 1.0.0")
        aid.settle()
        assert waits in aid.probe("drops", options="--timeout 5")
        assert WORKS in aid.probe()
        assert "litellm-overlay/patch-version: 1.0.0" in aid.sh(DESCRIBE)
        aid.namespace.apply(older)
        fix = aid.finding("handshake-fixed").fix
        assert not any(spent(aid))
        release = re.search(r"move to (\S+)", fix)[1]
        aid.sh(f"kubectl set image deployment/older litellm=ghcr.io/berriai/litellm:v{release}")
        aid.deploy()
        aid.settle()
        broken = aid.probe("drops", options="--timeout 5")
        assert waits not in broken
        assert "turn: error event, status 502" in broken
        assert WORKS in aid.probe()
        until(lambda: list(filter(None, spent(aid))) == [18] * 3, "the spend of three turns")
        aid.cured("handshake-fixed")
    aid.sh("kubectl delete deployment older")


async def test_a_large_message(aid, serving):
    """Told and closed with 1009, until less is sent or the limit is raised; uvicorn has one, too."""
    sizes = (9, 5000, 17 << 20)
    small, large, larger = ({"model": "gpt-5.4", "input": "x" * size} for size in sizes)
    with aid.row("close code 1009"):
        aid.deploy("--set maxMessageBytes=4096")
        aid.settle()
        assert '"maxMessageBytes":4096' in aid.sh(DESCRIBE)
        with aid.port_forward() as url:
            async with connect(f"ws{url[4:]}/v1/responses", MASTER_KEY) as socket:
                (event,) = await turn(socket, **large)
                assert "larger than 4096 bytes" in event["error"]["message"]
                assert await close_code(socket) == 1009
            async with connect(f"ws{url[4:]}/v1/responses", MASTER_KEY) as socket:
                assert said(await turn(socket, **small))
        aid.deploy()
        aid.settle()
        with aid.port_forward() as url:
            async with connect(f"ws{url[4:]}/v1/responses", MASTER_KEY) as socket:
                assert said(await turn(socket, **large))
                with pytest.raises(ConnectionClosed) as closed:
                    await turn(socket, **larger)
                assert closed.value.rcvd.code == 1009


def test_evicted(aid, serving):
    """A limit for the init container holds the proxy, too, which writes more than that."""
    limits = {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "16Mi"}
    file = aid.folder / "limited.yaml"
    file.write_text(yaml.safe_dump({"initResources": {"limits": limits}}))
    with aid.row("evicted"):
        aid.deploy(f"--values {file.name}")
        fill = "head --bytes=40M /dev/zero > /tmp/full"
        aid.sh(f"kubectl exec {started(aid)} --container litellm -- sh -c '{fill}'")
        shown(aid, "Evicted")
        assert "initResources" in aid.finding("ephemeral-storage").fix
        aid.deploy()
        aid.cured("ephemeral-storage")


async def ended(aid):
    """End a pod in the middle of a turn of 8 s; return how the turn ended."""
    pod = f"pod/{started(aid)}"
    create = {"type": "response.create", "model": "gpt-5.4", "input": "TRIGGERPACED:80"}
    with aid.port_forward(pod) as url:
        async with connect(f"ws{url[4:]}/v1/responses", MASTER_KEY) as socket:
            await say(socket, create)
            while (await hear(socket))["type"] != "response.output_text.delta":
                pass
            aid.sh(f"kubectl delete {pod} --wait=false")
            try:
                return (await receive_turn(socket))[-1]["type"]
            except ConnectionClosed:
                return "cut"


async def test_a_pod_ends(aid, serving):
    """It cuts a running turn; with hook and grace period as doctor prints them, the turn is ended."""
    with aid.row("cut at each rollout"):
        aid.settle()
        assert await ended(aid) == "cut"
        inject, *lines = aid.finding("no-drain").fix.splitlines()
        options = re.fullmatch("litellm-overlay inject (.*) < MANIFESTS", inject)[1]
        hooks = yaml.safe_load("\n".join(line for line in lines if line.startswith("  ")))
        grace = {}

        def drain(deployment):
            proxy_of(deployment).update(hooks)
            pod_of(deployment).update(grace)

        aid.sh("kubectl rollout pause deployment/litellm")
        aid.deploy(options, before=drain)
        grace.update(yaml.safe_load(aid.finding("short-grace").fix))
        aid.deploy(options, before=drain)
        aid.sh("kubectl rollout resume deployment/litellm")
        aid.settle()
        aid.cured("no-drain", "short-grace")
        assert await ended(aid) == "response.completed"
