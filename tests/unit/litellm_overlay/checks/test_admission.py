"""Whether a new pod is admitted, and which pods serve until then."""

from __future__ import annotations

import pytest

from fakes import objects as fake
from litellm_overlay import checks
from litellm_overlay.catalogue import releases

CATALOGUE = releases.load()
PROFILE = {"seccompProfile": {"type": "RuntimeDefault"}}


def found(*objects):
    """Return {topic: finding} of this file's topics."""
    topics = {"outage", "scc-seccomp", "scc-volumes", "refused", "pod-waiting"}
    return {it.topic: it for it in checks.findings(objects, CATALOGUE) if it.topic in topics}


def overlaid(kind="Deployment", **spec):
    """Return a workload of a kind with the overlay."""
    made = fake.overlaid()
    made["kind"] = kind
    made["spec"].update(spec)
    return made


SURGE = {"rollingUpdate": {"maxSurge": 1}}
ALL_AT_ONCE = {"rollingUpdate": {"maxUnavailable": "100%"}}
GAPS = [
    ("StatefulSet", {}, "a StatefulSet deletes"),
    ("StatefulSet", {"replicas": 3}, "a StatefulSet deletes"),
    ("DaemonSet", {}, "a DaemonSet deletes"),
    ("Deployment", {"strategy": {"type": "Recreate"}}, "Recreate"),
    ("DeploymentConfig", {"strategy": {"type": "Recreate"}}, "Recreate"),
    (
        "Deployment",
        {"replicas": 1, "strategy": {"rollingUpdate": {"maxUnavailable": 1}}},
        "only pod",
    ),
    ("Deployment", {"replicas": 4, "strategy": ALL_AT_ONCE}, "all 4 old pods"),
]


@pytest.mark.parametrize(("kind", "spec", "why"), GAPS)
def test_a_refusal_can_be_an_outage(kind, spec, why):
    """Where a refusal stops all pods, `outage` is found, and no text says that older ones serve."""
    workload = overlaid(kind, **spec)
    assert why in found(workload)["outage"].what
    assert "--on-unknown passthrough" in found(workload)["outage"].fix
    refused = found(
        workload, fake.pod({"decision": "refused", "message": "no"}, deployment=workload)
    )
    assert "nothing serves in its place" in refused["refused"].why
    assert why in refused["refused"].why


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Deployment", {}),
        ("Deployment", {"replicas": 1}),
        ("Deployment", {"replicas": 0, "strategy": ALL_AT_ONCE}),
        ("Deployment", {"replicas": 2, "strategy": {"rollingUpdate": {"maxUnavailable": 1}}}),
        ("Deployment", {"strategy": {"type": "RollingUpdate"}}),
        ("DaemonSet", {"updateStrategy": SURGE}),
        ("Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": "x"}}}),
    ],
)
def test_where_the_old_pod_serves_on_nothing_is_found(kind, spec):
    """Where older pods serve on, as by default, there is no `outage`."""
    assert "outage" not in found(overlaid(kind, **spec))


def test_an_older_pod_serves_on():
    """A Deployment's refused pod leaves the older ones serving."""
    workload = overlaid()
    item = found(workload, fake.pod({"decision": "refused", "exitCode": 3, "message": "no"}))
    assert "older ones serve on" in item["refused"].why


@pytest.mark.parametrize(
    ("owner", "serves"),
    [
        ("ReplicaSet", "older ones serve on"),
        ("StatefulSet", "nothing serves in its place"),
        ("DaemonSet", "nothing serves in its place"),
    ],
)
def test_a_pod_alone_tells_by_its_owner(owner, serves):
    """For a pod without its workload the owner's kind decides."""
    pod = fake.pod({"decision": "refused", "message": "no"})
    pod["metadata"]["ownerReferences"] = [{"kind": owner, "name": "o", "controller": True}]
    assert serves in found(pod)["refused"].why


def scc(name="own", **fields):
    """Return an SCC for the default service account."""
    users = ["system:serviceaccount:llm:default"]
    return {
        "kind": "SecurityContextConstraints",
        "metadata": {"name": name},
        "users": users,
        **fields,
    }


def with_profile(own=None, pod=None, proxy=None):
    """Return an overlaid workload with security contexts of guard, pod and proxy."""
    made = fake.overlaid()
    spec = fake.pod_of(made)
    spec["initContainers"][0]["securityContext"] |= own or {}
    spec |= {"securityContext": pod} if pod else {}
    spec["containers"][0] |= {"securityContext": proxy} if proxy else {}
    return made


@pytest.mark.parametrize(
    ("workload", "constraints", "topics"),
    [
        (with_profile(PROFILE), scc(), {"scc-seccomp"}),
        (with_profile(PROFILE), scc(users=[], groups=["system:authenticated"]), {"scc-seccomp"}),
        (with_profile(PROFILE), scc(seccompProfiles=["runtime/default"]), set()),
        (with_profile(PROFILE), scc(users=["system:serviceaccount:other:default"]), set()),
        (with_profile(PROFILE, pod=PROFILE), scc(), set()),
        (with_profile(PROFILE, proxy=PROFILE), scc(), set()),
        (with_profile(), scc(), set()),
        (with_profile(), scc(volumes=["secret", "configMap"]), {"scc-volumes"}),
        (with_profile(), scc(volumes=["*"]), set()),
        (with_profile(), scc(volumes=["emptyDir", "configMap"]), set()),
    ],
)
def test_the_constraints_that_would_not_admit_the_pod_are_named(workload, constraints, topics):
    """The SCCs that would not admit the pod are named, among those of its service account."""
    items = found(workload, constraints)
    assert set(items) == topics
    assert all("SCC own" in item.what for item in items.values())


def test_the_constraints_are_those_that_let_the_pods_in():
    """The SCC in a running pod's annotation counts."""
    pod = fake.pod({"decision": "patched"})
    pod["metadata"]["annotations"] = {"openshift.io/scc": "anyuid"}
    items = found(with_profile(PROFILE), pod, scc("anyuid", users=[]), scc("other", users=[]))
    assert "SCC anyuid" in items["scc-seccomp"].what


def test_inject_adds_nothing_that_an_scc_forbids():
    """`inject` adds no seccomp profile, so the finding concerns older overlays."""
    spec = fake.pod_of(fake.overlaid())
    assert "seccompProfile" not in spec["initContainers"][0]["securityContext"]
