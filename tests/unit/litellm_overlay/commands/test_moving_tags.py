"""The release behind a moving tag: `inject --litellm auto`, and `pin --from-cluster --exec`."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest
import yaml

from fakes.api_server import FakeApi, kubeconfig, serving
from fakes.overlaid import CATALOGUE, pod, report, workload
from litellm_overlay import lock
from litellm_overlay.cluster import tunnel
from litellm_overlay.errors import ClusterError

MOVING = "ghcr.io/berriai/litellm:main-stable"
HERE, OTHER = "ghcr.io/berriai/litellm@sha256:" + "a" * 64, "x@sha256:" + "b" * 64
STOCK = b"the file of the release"
PLAIN = workload("plain", image=MOVING)


def overlaid(name="proxy"):
    """Return a workload with the overlay and a moving tag."""
    made = copy.deepcopy(workload(name, patch="2.0.0"))
    spec = made["spec"]["template"]["spec"]
    for each in (spec["containers"][0], spec["initContainers"][0]):
        each["image"] = MOVING
    return made


def running(item, said=None, image=HERE, number=0):
    """Return a ready pod with its kind, as kubectl prints it."""
    made = {"kind": "Pod", **pod(item, number, said)}
    for each in ("containerStatuses", "initContainerStatuses"):
        made["status"][each][0]["imageID"] = image
    made["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    return made


def stream(*items):
    """Return a List as JSON."""
    return json.dumps({"kind": "List", "items": list(items)})


@pytest.fixture
def api(tmp_path, monkeypatch):
    """Serve a fake API; set KUBECONFIG to it."""
    with serving(FakeApi()) as api:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", api.url)))
        monkeypatch.chdir(tmp_path)
        yield api


@pytest.mark.parametrize("workload_", [overlaid(), PLAIN], ids=["its-own", "of-the-same-image"])
def test_a_report_tells_the_release(cli, workload_):
    """A guard's report in the stream gives the release, also of another pod with that image."""
    pods = [running(overlaid(), report(litellmVersion="1.86.2")), running(workload_, number=1)]
    if workload_ is not PLAIN:
        pods[1] = running(workload_, report(litellmVersion="1.86.2"), number=1)
    done = cli("inject", "--litellm", "auto", stdin=stream(workload_, *pods))
    assert done.code == 0, done.err
    title = f"Deployment/{workload_['metadata']['name']}"
    assert f"{title}: patch 2.0.0 for LiteLLM 1.86.2" in done.err


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [running(PLAIN)],
        [running(PLAIN), running(overlaid(), report(litellmVersion="1.86.2"), OTHER)],
        [running(PLAIN), running(PLAIN, None, OTHER, 1), running(overlaid(), report())],
        [running(overlaid(), report(litellmVersion=each), number=int(each[-1])) for each in ("1.86.2", "1.88.6")],
        [running(PLAIN), running(overlaid(), report(litellmVersion="$(touch planted)"))],
        [running(PLAIN), running(overlaid(), "no report")],
    ],
    ids=["no-pod", "no-report", "another-image", "two-images", "two-answers", "no-version", "cut"],
)  # fmt: skip
def test_what_pods_do_not_tell_is_asked_for(cli, api, pods):
    """If no pod gives the release, inject asks for it, with a hint that needs no Docker."""
    names = {each["metadata"]["labels"]["app"] for each in pods}
    item = PLAIN if "plain" in names or not names else overlaid()
    done = cli("inject", "--litellm", "auto", stdin=stream(item, *pods))
    assert done.code == 2, done.err
    assert "does not tell which LiteLLM is inside" in done.err
    assert "litellm --version" in done.err
    assert "pin --from-cluster --exec" in done.err
    assert done.out == ""


def test_pods_of_the_cluster_are_asked(cli, api):
    """If the stream has no pods, those of the workload's namespace in the cluster are read."""
    api.objects = {"pods": [running(overlaid(), report(litellmVersion="1.86.2")), running(PLAIN)]}
    done = cli("inject", "--litellm", "auto", stdin=yaml.safe_dump(PLAIN))
    assert "Deployment/plain: patch 2.0.0 for LiteLLM 1.86.2" in done.err
    assert [path.partition("?")[0] for path in api.seen] == ["/api/v1/namespaces/llm/pods"]


def test_a_tag_that_tells_asks_no_cluster(cli, api):
    """With a tag or values that give the release the cluster is not asked."""
    done = cli("inject", "--litellm", "auto", stdin=yaml.safe_dump(workload()))
    assert (done.code, api.seen) == (0, [])


def test_malware_is_refused_whatever_pods_tell(cli, api):
    """A malicious release in a report is refused."""
    pods = [running(overlaid(), report(litellmVersion="1.82.7")), running(PLAIN)]
    done = cli("inject", "--litellm", "auto", stdin=stream(PLAIN, *pods))
    assert done.code == 1
    assert "1.82.7 is malware" in done.err


@pytest.mark.parametrize("verb", ["render", "pin"])
def test_auto_is_for_inject(cli, verb):
    """`--litellm auto` is only for inject."""
    done = cli(verb, "--image", MOVING, "--litellm", "auto")
    assert done.code == 2
    assert "goes with inject" in done.err


@pytest.fixture
def asked(monkeypatch):
    """Answer executed commands with `told`, by program; record them in `seen`."""
    asked = []
    told = {"litellm": b"\nLiteLLM: Current Version = 1.88.6\n", "cat": STOCK}

    def execute(_cluster, namespace, name, container, command):
        asked.append((namespace, name, container, *command))
        answer = told[command[0]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(tunnel, "execute", execute)
    asked_of = type("Asked", (), {"seen": asked, "told": told})
    own = CATALOGUE.release("1.88.6").endpoints_sha256
    sha256 = hashlib.sha256
    monkeypatch.setattr(
        hashlib, "sha256", lambda data=b"", **more: _Known(own) if data == STOCK else sha256(data, **more)
    )  # fmt: skip
    return asked_of


class _Known:
    """A digest that stands for the hash of the release's own file."""

    def __init__(self, hexdigest):
        self.hexdigest = lambda: hexdigest


PIN = ("pin", "--from-cluster", "--workload", "plain")


def test_nothing_is_executed_without_consent(cli, api, asked):
    """Without --exec nothing is executed, and the error names the option."""
    api.objects = {"deployments": [PLAIN], "pods": [running(PLAIN)]}
    done = cli(*PIN)
    assert done.code == 5
    assert "--exec asks a pod of it" in done.err
    assert asked.seen == []


def test_a_pod_is_asked_with_consent(cli, api, asked, tmp_path):
    """With --exec a pod gives version and file, and inject can use the lock."""
    api.objects = {"deployments": [PLAIN], "pods": [running(PLAIN)]}
    done = cli(*PIN, "--exec")
    assert done.code == 0, done.err
    written = json.loads((tmp_path / lock.NAME).read_text())
    assert written["litellmVersion"] == "1.88.6"
    assert written["stockSha256"] == CATALOGUE.release("1.88.6").endpoints_sha256
    assert (written["image"], written["imageDigest"]) == (MOVING, HERE.partition("@")[2])
    assert {each[:4] for each in asked.seen} == {
        ("llm", "plain-0", "litellm", "litellm"),
        ("llm", "plain-0", "litellm", "cat"),
    }
    item = copy.deepcopy(PLAIN)
    item["spec"]["template"]["spec"]["containers"][0]["image"] += f"@{written['imageDigest']}"
    done = cli("inject", "--lock", lock.NAME, stdin=yaml.safe_dump(item))
    assert done.code == 0, done.err
    assert "for LiteLLM 1.88.6" in done.err


@pytest.mark.parametrize(
    ("told", "code", "sentence"),
    [
        ({"litellm": b"command not found"}, 1, "does not print one version"),
        ({"litellm": b"1.88.6 1.86.2"}, 1, "does not print one version"),
        ({"litellm": b"\x1b[31m$(touch planted)"}, 1, "does not print one version"),
        ({"litellm": b"LiteLLM: Current Version = 1.82.7"}, 5, "malicious"),
        ({"litellm": ClusterError("the server could not run litellm")}, 4, "could not run"),
        ({"cat": b"another file"}, 5, "is not that of LiteLLM 1.88.6"),
        ({"cat": ClusterError("the server could not read it")}, 4, "could not read"),
    ],
)
def test_what_a_pod_says_is_not_believed_blindly(cli, api, asked, tmp_path, told, code, sentence):
    """Implausible answers of a pod are refused, and no lock is written."""
    api.objects = {"deployments": [PLAIN], "pods": [running(PLAIN)]}
    asked.told |= told
    done = cli(*PIN, "--exec")
    assert done.code == code, done.err
    assert sentence in done.err
    assert "\x1b" not in done.out + done.err
    assert not (tmp_path / lock.NAME).exists()


def test_a_workload_without_a_ready_pod_cannot_be_asked(cli, api, asked):
    """Nothing is executed in a pod that is not ready."""
    waiting = running(PLAIN)
    waiting["status"]["conditions"] = []
    api.objects = {"deployments": [PLAIN], "pods": [waiting]}
    done = cli(*PIN, "--exec")
    assert (done.code, asked.seen) == (1, [])
    assert "no pod of deployment/plain is ready" in done.err


def test_consent_alone_asks_no_pod(cli):
    """--exec without --from-cluster is refused."""
    done = cli("pin", "--image", MOVING, "--exec")
    assert done.code == 2
    assert "--exec goes with --from-cluster" in done.err
