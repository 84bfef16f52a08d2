"""Story 23, second part: pods that fail. test_23_bad_days.py lists all failures."""

from __future__ import annotations

import concurrent.futures
import json

import pytest

from e2e.kit.bad_pods import (
    ANSWERING,
    INIT,
    SILENT,
    container,
    overlaid,
    saying,
    waiting,
    with_init,
    workload,
)
from e2e.kit.stories import MASTER_KEY, SECONDS, until
from e2e.kit.verbs import kubeconfig, overlay
from kind.litellm import module_in, release_in


@pytest.fixture(scope="module")
def config(namespace, tmp_path_factory):
    """Return a kubeconfig for the story's namespace."""
    return kubeconfig(namespace, tmp_path_factory.mktemp("bad-pods") / "kubeconfig")


@pytest.fixture(scope="module", autouse=True)
def _fleet(namespace, world, config):
    """Apply one workload per failure; the tests wait for its outcome."""
    image = world.image("venv")
    made, payloads = [], []

    def add(item, *options):
        got, payloads[:] = overlaid(item, config.parent, *options)
        made.append(got)
        return got

    for kind in ("StatefulSet", "DaemonSet"):
        add(workload(kind.lower(), container(image), kind=kind))
    add(workload("older", container(image)), "--patch", "1.0.0")
    add(workload("none", container(image), replicas=0))
    wrong = module_in(world.image("system"))
    add(workload("crashing", container(image)), "--module-path", wrong)
    unknown = f"registry.invalid/litellm:v{release_in(image)}"
    add(workload("unpulled", container(unknown)))
    saying(add(workload("cut", container(image))), '{"decision": "patched", "patchVer')
    saying(add(workload("prose", container(image))), "Killed")
    twins = (container(image, "other", ["sleep", "1d"]), container(image))
    add(workload("twins-overlaid", *twins), "--container", "litellm")
    made.append(workload("twins", *twins))
    foreign = container(image, INIT, ["true"])
    made.append(with_init(workload("foreign", container(image)), foreign))
    for name, command in (("a-asked", SILENT), ("b-next", ANSWERING), ("c-stays", ANSWERING)):
        item = add(workload(name, container(image, command=command)))
        item["spec"]["template"]["metadata"]["labels"]["bad-day"] = "evicted"
    namespace.apply(*payloads, *made)


@pytest.fixture
def row(config):
    """Return a function that waits for a workload's row of `status` and returns it."""

    def row(name, decision, agreeing=None, reason=""):
        def look():
            done = overlay("status", "--kubeconfig", config, "--output", "json")
            (found,) = (each for each in json.loads(done.out) if each["name"] == name)
            matches = found["decision"] == decision and agreeing in {None, found["agreeing"]}
            return matches and reason in " ".join(found["reasons"]) and found

        return until(look, f"{name} {decision}")

    return row


@pytest.fixture
def verify(config):
    """Return a function that runs `verify` on the pods of a label."""

    def verify(label, *arguments):
        arguments = ("--kubeconfig", config, "-l", label, *arguments)
        return overlay("verify", *arguments, OPENAI_API_KEY=MASTER_KEY)

    return verify


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_stateful_set_and_a_daemon_set(kind, row, verify):
    """StatefulSet and DaemonSet are handled like a Deployment: status, and the file's hash."""
    found = row(kind.lower(), "patched", 1)
    assert (found["kind"], found["pods"], found["reasons"]) == (kind, 1, [])

    def asked():
        done = verify(f"app={kind.lower()}")
        return "not ready" not in done.out and done

    done = until(asked, "the pod is ready")
    assert (done.code, done.out.count("\n")) == (5, 2)
    assert "no WebSocket endpoint answers here: HTTP 404" in done.out  # the file has no fault


def test_an_overlay_of_an_older_release_of_ours(row):
    """A workload that asks for patch 1.0.0 and runs it has not drifted."""
    found = row("older", "patched", 1)
    assert (found["patchVersion"], found["reasons"]) == ("1.0.0", [])


def test_no_replicas(row, verify):
    """Without replicas `status` says pending, and `verify` finds no pod to ask."""
    found = row("none", "pending", 0)
    assert (found["pods"], found["reasons"]) == (0, ["no pod runs"])
    done = verify("app=none")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: no pod carries the overlay in the namespace ")


def test_crash_loop_back_off_in_init(namespace, row, verify):
    """`status` shows the guard's sentence during the back-off of the init container."""
    until(lambda: waiting(namespace, "crashing") == "CrashLoopBackOff", "CrashLoopBackOff")
    found = row("crashing", "refused", 0)
    assert "is mounted over" in found["reasons"][0]
    done = verify("app=crashing")
    assert done.code == 5
    assert "not ready: the guard's decision is refused" in done.out


def test_an_image_that_cannot_be_pulled(row, verify):
    """An image that cannot be pulled is pending, with the kubelet's reason."""
    found = row("unpulled", "pending", 0, "ImagePullBackOff")
    assert "litellm-overlay: ImagePullBackOff, " in found["reasons"][0]
    done = verify("app=unpulled")
    assert done.code == 5
    assert "not ready: the guard's decision is pending" in done.out


@pytest.mark.parametrize(
    ("name", "reason"),
    [("cut", "the guard's report is cut"), ("prose", "is no report of the guard")],
)
def test_a_termination_message_that_is_cut_or_not_json(name, reason, namespace, row, verify):
    """Without a readable report the pod has drifted, and `verify` does not ask it."""
    found = row(name, "drifted", 0)
    assert reason in found["reasons"][0]
    namespace.wait_for_rollout(name)
    done = verify(f"app={name}")
    assert done.code == 5
    assert "the guard's report cannot be read; restart the pod for a new one" in done.out


def test_two_litellm_containers_in_a_pod(row):
    """With the overlay the container with the mount counts; without it both are named."""
    assert row("twins-overlaid", "patched", 1)["litellmVersion"]
    found = row("twins", "not-overlaid", 1)
    assert found["reasons"] == ["several containers run LiteLLM's image: other, litellm"]


def test_an_init_container_of_our_name_that_is_not_ours(row, verify):
    """`status` names a foreign init container of our name, and `verify` skips the pod."""
    found = row("foreign", "not-overlaid", 1)
    assert found["reasons"] == [f"its init container {INIT} is not ours"]
    assert verify("app=foreign").code == 1


def test_doctor_finds_what_is_wrong_with_them(namespace, config, row):
    """`doctor` finds each failure by its topic; an older patch or no replicas is no error."""
    row("crashing", "refused", 0)
    until(lambda: waiting(namespace, "unpulled") == "ImagePullBackOff", "ImagePullBackOff")
    done = overlay("doctor", "--from-cluster", "--kubeconfig", config, "--output", "json")
    assert done.code == 5
    # Every workload here has one pod and no preStop hook.
    usual = {"no-drain", "one-replica", "outage"}
    found = {
        (each["object"].split("/")[2].split("-")[0], each["severity"], each["topic"])
        for each in json.loads(done.out)["findings"]
        if each["topic"] not in usual
    }
    assert found == {
        ("crashing", "error", "refused"),
        ("crashing", "warning", "module-path"),
        ("cut", "warning", "report-unreadable"),
        ("foreign", "error", "affected"),
        ("foreign", "error", "foreign-init-container"),
        ("prose", "warning", "report-unreadable"),
        ("twins", "error", "affected"),
        ("twins", "warning", "two-proxies"),
        ("twins", "note", "two-proxies"),
        ("unpulled", "error", "pod-waiting"),
    }


def test_pods_evicted_during_verify(namespace, row, verify):
    """An evicted pod is named, before its turn or during it; the remaining pod is still asked."""
    names = {}
    for app in ("a-asked", "b-next", "c-stays"):
        row(app, "patched", 1)
        namespace.wait_for_rollout(app)
        pod = namespace.pod(f"app={app}")
        names[app] = pod["metadata"]["name"]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(verify, "bad-day=evicted", "--timeout", "120")
        until(lambda: "asked" in namespace.logs(selector="app=a-asked"), "a-asked is asked")
        for app in ("b-next", "a-asked"):
            evict(namespace, names[app])
        done = running.result()
    assert (done.code, done.err) == (5, "error: Codex does not work in 3 of 3 pods\n")
    first, first_why, second, second_why, third, third_why = done.out.splitlines()
    for app, line in zip(names, (first, second, third), strict=True):
        assert line.startswith(f"NO  {namespace.name}/{names[app]}  patched, ")
    assert first_why == second_why == "    the pod went meanwhile: verify once more"
    assert "HTTP 404" in third_why


def evict(namespace, pod):
    """Evict a pod through the API server, as `kubectl drain` does, and wait until it is gone."""
    metadata = {"name": pod, "namespace": namespace.name}
    path = f"/api/v1/namespaces/{namespace.name}/pods/{pod}/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    namespace.kubectl("create", "--raw", path, "--filename", "-", stdin=json.dumps(eviction))
    namespace.kubectl("wait", "--for=delete", f"pod/{pod}", f"--timeout={SECONDS}s")
