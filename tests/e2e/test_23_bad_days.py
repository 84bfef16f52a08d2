"""Story 23: failures, each tested against the cluster's own API server or in its pods.

    API server unreachable; slow; 403 on one kind; 410 in a watch         here
    kubeconfig missing, several contexts, exec credentials, in-cluster    here
    Ctrl-C at any moment; output into a closed pipe                       test_23_leaving_early.py
    pod evicted during verify; two LiteLLM containers in a pod;
    StatefulSet and DaemonSet; init container of our name; overlay of an
    older release; termination message cut or not JSON; 0 replicas;
    CrashLoopBackOff in init; image pull error                            test_23_bad_pods.py
    proxy not ready; wrong key; no key                                    test_21_verify.py

A real server cannot be made to fail in some ways: a list that expires between pages, 401, a login
page, a broken WebSocket. tests/unit/litellm_overlay/cluster has those.
"""

from __future__ import annotations

import base64
import io
import json
import socket
import tarfile
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

import litellm_overlay
from e2e.kit.bad_pods import container, start_both
from e2e.kit.stories import CONFINED_POD, MASTER_KEY, SECONDS
from e2e.kit.verbs import VERBS, kubeconfig, kubeconfig_of_rights, overlay, rights, token
from litellm_overlay.cluster import client
from litellm_overlay.errors import OverlayError
from support.detour import FOREVER, detour

every_verb = pytest.mark.parametrize("verb", VERBS)


@pytest.fixture(scope="module")
def config(namespace, tmp_path_factory):
    """Return a kubeconfig for the story's namespace."""
    return kubeconfig(namespace, tmp_path_factory.mktemp("bad-days") / "kubeconfig")


@pytest.fixture(scope="module", autouse=True)
def _fleet(namespace, config):
    start_both(namespace, config.parent)


@pytest.fixture(scope="module")
def account(namespace, config):
    """Apply the RBAC objects of `status`; return the ServiceAccount's name."""
    objects = rights(namespace, "status")
    namespace.apply(*objects)
    return objects[0]["metadata"]["name"]


def run(verb, config, *arguments):
    """Run a verb with a kubeconfig and a key; return the result."""
    return overlay(*VERBS[verb], "--kubeconfig", config, *arguments, STORY_KEY=MASTER_KEY)


def decisions(done):
    """Return {workload: decision} from the output of `status --output json`."""
    assert done.code == 0, done.err
    return {row["name"]: row["decision"] for row in json.loads(done.out)}


BOTH = {"answering": "patched", "silent": "patched"}


@every_verb
def test_the_api_server_cannot_be_reached(verb, namespace, tmp_path):
    """An unreachable API server ends each verb with exit code 4 and a sentence that names it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"https://127.0.0.1:{server.getsockname()[1]}"
    done = run(verb, kubeconfig(namespace, tmp_path / "config", server=closed))
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        f"error: {closed} cannot be reached\nhint: Connection refused; does the cluster run?\n"
    )


@pytest.fixture
def slow(namespace, tmp_path):
    """Return a function that writes a kubeconfig for the API server behind a given port."""

    def slow(port):
        return kubeconfig(namespace, tmp_path / "slow", server=f"https://127.0.0.1:{port}")

    return slow


@pytest.fixture
def address(config):
    """Return host and port of the API server."""
    server = yaml.safe_load(config.read_text())["clusters"][0]["cluster"]["server"]
    return urlsplit(server).hostname, urlsplit(server).port


@every_verb
def test_the_api_server_is_too_slow(verb, address, slow):
    """No answer within --timeout ends each verb with exit code 4 and a hint at the option."""
    with detour(*address, lambda _: FOREVER) as port:
        done = run(verb, slow(port), "--timeout", "1")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(f"error: https://127.0.0.1:{port} did not answer within 1 s\n")
    assert "--timeout allows more" in done.err


def test_the_api_server_is_slow_but_within_the_timeout(address, slow):
    """With answers slower than usual but within the timeout, `status` is complete."""
    with detour(*address, lambda _: 0.3) as port:
        assert decisions(run("status", slow(port), "--output", "json")) == BOTH


def test_the_api_server_becomes_slow_during_verify(address, slow):
    """If the server stalls after the list, `verify` has a line for each pod and exit code 5."""
    with detour(*address, lambda number: FOREVER if number else 0) as port:
        done = run("verify", slow(port), "--timeout", "2")
    assert done.code == 5
    assert done.err == "error: Codex does not work in 2 of 2 pods\n"
    assert done.out.count(" within 2 s; ") == 2


def test_403_on_one_kind(namespace, tmp_path):
    """The error names the forbidden kind, the namespace, and the option that prints the rights."""
    objects = rights(namespace, "status")
    for rule in objects[1]["rules"]:
        if "daemonsets" in rule["resources"]:
            rule["resources"].remove("daemonsets")
    for item in (objects[0]["metadata"], objects[1]["metadata"], objects[2]["metadata"]):
        item["name"] = "no-daemonsets"
    objects[2]["roleRef"]["name"] = objects[2]["subjects"][0]["name"] = "no-daemonsets"
    done = run("status", kubeconfig_of_rights(namespace, tmp_path / "config", objects))
    assert (done.code, done.out) == (4, "")
    where = f"in the namespace {namespace.name} (403)"
    assert done.err.startswith(f"error: not allowed to list daemonsets {where}\nhint: ")
    assert "--rbac" in done.err


def test_410_in_a_watch(namespace, config):
    """On 410 in a watch the wait ends at once, and the next list works."""
    watch = f"/api/v1/namespaces/{namespace.name}/pods?watch=1&resourceVersion=1"
    said = json.loads(namespace.kubectl("get", "--raw", watch))
    assert (said["type"], said["object"]["code"]) == ("ERROR", 410)
    connection = client.connect(kubeconfig=config)
    connection.list("pods", namespace.name)
    connection._versions["pods", namespace.name] = "1"
    connection.wait_for_change("pods", namespace.name, 3000)  # much longer than the test may take
    assert len(connection.list("pods", namespace.name)) == 2


@every_verb
def test_no_kubeconfig(verb, tmp_path):
    """A missing kubeconfig ends each verb with exit code 4, whether named or the default."""
    missing = tmp_path / "missing"
    done = run(verb, missing)
    assert (done.code, done.err.splitlines()[0]) == (4, f"error: there is no kubeconfig {missing}")
    environ = {"KUBECONFIG": str(missing), "STORY_KEY": MASTER_KEY}
    done = overlay(*VERBS[verb], **environ)
    assert (done.code, done.err.splitlines()[0]) == (4, "error: there is no kubeconfig")


def test_several_contexts(config, tmp_path):
    """--context selects a context; an unknown one ends in an error that lists the others."""
    several = yaml.safe_load(config.read_text())
    right = several["contexts"][0]
    cluster_gone = {"name": "gone", "cluster": {"server": "https://127.0.0.1:9"}}
    several["clusters"].append(cluster_gone)
    several["contexts"] = [
        {"name": "right", "context": right["context"]},
        {"name": "wrong", "context": {**right["context"], "cluster": "gone"}},
    ]
    several["current-context"] = "wrong"
    file = tmp_path / "several"
    file.write_text(yaml.safe_dump(several))
    assert "https://127.0.0.1:9 cannot be reached" in run("status", file).err
    done = run("status", file, "--context", "right", "--output", "json")
    assert decisions(done) == BOTH
    done = run("status", file, "--context", "other")
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        "error: there is no context other\nhint: choose with --context; there are: right, wrong\n"
    )


def test_exec_credentials(namespace, account, tmp_path):
    """A command provides the token; if it fails, the error names the command."""
    api = "client.authentication.k8s.io/v1"
    status = {"token": token(namespace, account)}
    said = json.dumps({"apiVersion": api, "kind": "ExecCredential", "status": status})
    command = tmp_path / "credentials"
    command.write_text(f"#!/bin/sh\necho '{said}'\n")
    command.chmod(0o700)
    plugin = {"apiVersion": api, "command": str(command), "interactiveMode": "Never"}
    file = kubeconfig(namespace, tmp_path / "config", user={"exec": plugin})
    assert decisions(run("status", file, "--output", "json")) == BOTH
    command.write_text("#!/bin/sh\nexit 1\n")
    done = run("status", file)
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(f"error: the kubeconfig's command for credentials, {command}, gave ")


def test_in_cluster(namespace, world, account):
    """In a pod, `status` uses the ServiceAccount, its namespace and the cluster's CA."""
    pod = {
        **CONFINED_POD,
        "automountServiceAccountToken": True,
        "serviceAccountName": account,
        "terminationGracePeriodSeconds": 0,
        "containers": [container(world.image("venv"), "shell", ["sleep", "1d"])],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    pod["containers"][0]["volumeMounts"] = [{"name": "tmp", "mountPath": "/tmp"}]
    namespace.apply({"kind": "Pod", "metadata": {"name": "shell"}, "spec": pod})
    namespace.kubectl("wait", "--for=condition=Ready", "pod/shell", f"--timeout={SECONDS}s")
    unpack = (
        "import base64, io, sys, tarfile; "
        "archive = io.BytesIO(base64.b64decode(sys.stdin.read())); "
        "tarfile.open(fileobj=archive).extractall('/tmp/toolkit')"
    )
    inside = ("exec", "shell", "--stdin", "--", "env", "PYTHONPATH=/tmp/toolkit", "python3")
    namespace.kubectl(*inside, "-c", unpack, stdin=base64.b64encode(toolkit()).decode())
    status = (*inside, "-m", "litellm_overlay", "status")
    try:
        rows = json.loads(namespace.kubectl(*status, "--output", "json"))
        assert {row["name"]: row["decision"] for row in rows} == {**BOTH, "shell": "not-overlaid"}
        with pytest.raises(OverlayError, match="not allowed to list deployments in the namespace"):
            namespace.kubectl(*status, "--namespace", "default")
    finally:
        namespace.kubectl("delete", "pod", "shell")


def toolkit():
    """Return an archive of the toolkit and the dependencies that LiteLLM's image lacks."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for folder in Path(litellm_overlay.__file__).parents[1].iterdir():
            archive.add(folder, folder.name)
        for name in ("kubernetes", "websocket-client", "durationpy", "requests-oauthlib"):
            for file in metadata.files(name):
                if file.suffix == ".py" and "test" not in file.parts:
                    archive.add(file.locate(), str(file))
    return packed.getvalue()
