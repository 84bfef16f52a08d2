"""`-l` and `--as` of the verbs that read a cluster, and `verify --wait`."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.stream import ws_client

from fakes.api_server import FakeApi, kubeconfig, serving
from fakes.overlaid import pod, report, workload
from litellm_overlay.cluster import client, tunnel
from litellm_overlay.cluster.identity import act_as
from litellm_overlay.commands import verify
from litellm_overlay.errors import VerificationError
from litellm_overlay.fleet import rollout


def labelled(item, team, generation=1, **status):
    """Return an object with a label and the status of a finished rollout."""
    item["metadata"] |= {"labels": {"team": team}, "generation": generation}
    done = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    return {**item, "status": {**done, **status}}


@pytest.fixture
def api(tmp_path, monkeypatch):
    """Serve two Deployments with pods, and a labelled pod without an owner."""
    ours, theirs = labelled(workload("ours", patch="2.0.0"), "a"), labelled(workload("theirs"), "b")
    alone = pod(theirs)
    del alone["metadata"]["ownerReferences"]
    alone["metadata"] |= {"name": "alone", "labels": {"team": "a"}}
    objects = {
        "deployments": [ours, theirs],
        "pods": [pod(ours, 0, report()), pod(theirs), alone],
    }
    with serving(FakeApi(objects)) as api:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", api.url)))
        yield api


@pytest.mark.parametrize(
    ("labels", "found"),
    [("team=a", {"ours", "alone"}), ("team=b", {"theirs"}), ("team=c", set())],
)
def test_a_selector(api, cli, labels, found):
    """A selector chooses workloads by their labels, and ownerless pods by their own."""
    rows = json.loads(cli("status", "-l", labels, "-o", "json").out)
    assert {row["name"] for row in rows} == found
    assert all(row["pods"] for row in rows)
    asked = [parse_qs(urlsplit(path).query).get("labelSelector") for path in api.seen]
    assert asked.count([labels]) == 4  # three kinds of workloads, and pods


def test_doctor_takes_a_selector(api, cli):
    """`doctor --selector` reports only on workloads that the selector matches."""
    done = cli("doctor", "--from-cluster", "--selector", "team=b", "--output", "json")
    assert {each["object"] for each in json.loads(done.out)["findings"]} == {
        "Deployment/llm/theirs"
    }


def test_another_user(api, cli):
    """With --as each request has the Impersonate-User header."""
    assert cli("status", "--as", "jane").code == 0
    assert api.users == ["jane"] * len(api.seen)
    api.users.clear()
    assert cli("status").code == 0
    assert set(api.users) == {None}


def test_another_user_in_a_pod(api, monkeypatch):
    """The WebSockets of port-forward and exec have that header as well."""
    sent = []
    monkeypatch.setattr(
        ws_client.WebSocket, "connect", lambda _self, _url, header: sent.extend(header)
    )
    connection = client.connect()
    act_as(connection, "jane")
    ws_client.create_websocket(*tunnel._request(connection, "llm", "p", "exec", []))
    lines = "\r\n".join(sent).split("\r\n")
    assert "Impersonate-User: jane" in lines
    assert "sec-websocket-protocol: v5.channel.k8s.io,v4.channel.k8s.io" in lines


@pytest.mark.parametrize("name", ["a\r\nImpersonate-Group: system:masters", "\x1b", " ", "é"])
def test_a_user_who_is_no_name(api, cli, name):
    """A user name with line breaks is refused, since it could add headers."""
    done = cli("status", "--as", name)
    assert done.code == 2
    assert api.seen == []


@pytest.mark.parametrize(
    ("kind", "status", "why"),
    [
        ("Deployment", {}, None),
        ("Deployment", {"observedGeneration": 0}, "its change has not been seen yet"),
        ("Deployment", {"updatedReplicas": 1}, "1 of 2 pods are new"),
        ("Deployment", {"replicas": 3}, "old pods have not gone yet"),
        ("Deployment", {"availableReplicas": 1}, "1 of 2 pods are available"),
        ("StatefulSet", {"updatedReplicas": 0}, "0 of 2 pods are new"),
        (
            "DaemonSet",
            {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2},
            "2 of 3 pods are available",
        ),
    ],
)
def test_what_is_not_rolled_out(kind, status, why):
    """A workload that is not rolled out is named with kubectl's reason, if it has the overlay."""
    item = labelled(workload("ours", patch="2.0.0"), "a", **status) | {"kind": kind}
    item["spec"]["replicas"] = 2
    if kind == "DaemonSet":
        item["status"].pop("replicas")
    messages = [] if why is None else [f"llm/{kind.lower()}/ours: {why}"]
    assert list(rollout.unfinished([item])) == messages
    assert list(rollout.unfinished([labelled(workload("theirs"), "b", updatedReplicas=0)])) == []


class Rolling:
    """A fake cluster whose Deployment is rolled out after this many looks."""

    def __init__(self, looks):
        self.looks = looks

    def list(self, plural, _namespace, _labels):
        self.looks -= plural == "deployments"
        item = labelled(workload("ours", patch="2.0.0"), "a", updatedReplicas=int(self.looks <= 0))
        item["spec"]["replicas"] = 1
        item["status"] |= {"replicas": 1, "availableReplicas": 1}
        item["status"]["replicas"] = item["status"]["updatedReplicas"]
        return [item] if plural == "deployments" else []

    def wait_for_change(self, *_):
        pass


def test_verify_waits(monkeypatch):
    """`verify --wait` waits for all rollouts, or ends in an error that names the rest."""
    monkeypatch.setattr(verify.time, "sleep", lambda _seconds: None)
    cluster = Rolling(looks=3)
    verify.wait_for_rollouts(cluster, "llm", "", 60)
    assert cluster.looks == 0
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(verify.time, "monotonic", lambda: next(clock))
    with pytest.raises(VerificationError, match="not rolled out after 60 s: llm/deployment/ours"):
        verify.wait_for_rollouts(Rolling(looks=100), "llm", "", 60)


def test_the_rights_to_wait(cli):
    """`verify --rbac --wait` includes the right to list workloads."""
    assert "deployments" not in cli("verify", "--rbac").out
    assert "deployments" in cli("verify", "--rbac", "--wait", "60").out
