"""Story 20: `status` on a real cluster, with exactly the rights that `--rbac` prints."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from e2e.kit.stories import CONFINED, CONFINED_POD, deployment, until
from e2e.kit.verbs import kubeconfig_of_rights, rights
from kind.litellm import release_in
from litellm_overlay.errors import OverlayError

ACCOUNT = "litellm-overlay-status"


@pytest.fixture(scope="module")
def kubeconfig(namespace, tmp_path_factory):
    """Return a kubeconfig with exactly the rights that `--rbac` prints."""
    file = tmp_path_factory.mktemp("account") / "kubeconfig"
    return kubeconfig_of_rights(namespace, file, rights(namespace, "status"))


@pytest.fixture(scope="module")
def installed(namespace, kubeconfig):
    """Install the chart, and beside it a proxy without the overlay and without replicas."""
    namespace.install(namespace.values("venv"))
    container = {
        "name": "litellm",
        "image": namespace.world.image("venv"),
        "securityContext": CONFINED,
    }
    pod = {**CONFINED_POD, "containers": [container]}
    namespace.apply(deployment("plain", {"app": "plain"}, pod, replicas=0))


def command(*arguments):
    """Return exit code, stdout and stderr of `litellm-overlay status`."""
    line = [sys.executable, "-m", "litellm_overlay", "status", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def status(kubeconfig):
    """Return exit code and {name: row}."""
    code, said, errors = command("--kubeconfig", kubeconfig, "--output", "json")
    assert code in {0, 5}, errors
    return code, {row["name"]: row for row in json.loads(said)}


def decided(kubeconfig, decision, pods):
    """Wait until the chart's Deployment has this decision and pods; return exit code and row."""

    def look():
        code, rows = status(kubeconfig)
        row = rows["litellm"]
        return (
            row["decision"] == decision and (row["agreeing"], row["pods"]) == pods and (code, row)
        )

    return until(look, decision)


def test_patched_and_not_overlaid(installed, namespace, kubeconfig):
    """The overlaid proxy's version comes from the guard's report, the other's from its tag."""
    code, row = decided(kubeconfig, "patched", (1, 1))
    release = release_in(namespace.world.image("venv"))
    assert (code, row["litellmVersion"], row["versionFrom"]) == (0, release, "report")
    assert (row["patchVersion"], row["reasons"], row["removable"]) == ("2.0.0", [], False)
    plain = status(kubeconfig)[1]["plain"]
    assert (plain["decision"], plain["litellmVersion"], plain["versionFrom"]) == (
        "not-overlaid",
        release,
        "tag",
    )
    code, said, _ = command("--kubeconfig", kubeconfig)
    assert code == 0
    assert any(
        {"deployment/litellm", "patched", "1/1"} <= set(x.split()) for x in said.splitlines()
    )


def test_the_rights_are_for_one_namespace_and_for_nothing_else(installed, namespace, kubeconfig):
    """Other namespaces and Secrets are forbidden, and `status` names the rejected request."""
    code, said, errors = command("--kubeconfig", kubeconfig, "--all-namespaces")
    assert (code, said) == (4, "")
    assert errors.startswith("error: not allowed to list deployments in all namespaces (403)\n")
    with pytest.raises(OverlayError, match='cannot list resource "secrets"'):
        namespace.kubectl(
            *("get", "secrets", f"--as=system:serviceaccount:{namespace.name}:{ACCOUNT}")
        )


def test_a_changed_annotation_is_drift(installed, namespace, kubeconfig):
    """A changed annotation is drift with exit code 5, until it is restored."""
    pod = namespace.pod()
    key, name = "litellm-overlay/patch-version", pod["metadata"]["name"]
    namespace.kubectl("annotate", "--overwrite", "pod", name, f"{key}=1.0.0")
    code, row = decided(kubeconfig, "drifted", (0, 1))
    assert code == 5
    assert f"pod {name}: has patch 1.0.0, the template 2.0.0" in row["reasons"]
    assert command("--kubeconfig", kubeconfig)[2].startswith("error: 1 drifted\n")
    namespace.kubectl("annotate", "--overwrite", "pod", name, f"{key}=2.0.0")
    assert decided(kubeconfig, "patched", (1, 1))[0] == 0


def test_refused(installed, namespace, kubeconfig):
    """A refused pod makes the decision "refused", with the guard's sentence."""
    namespace.install(namespace.values("changed"), wait=False)
    code, row = decided(kubeconfig, "refused", (0, 2))
    assert code == 5
    assert "looks affected, but was altered" in row["reasons"][0]


def test_upstream_fixed(installed, namespace, kubeconfig):
    """Upstream's fix makes the overlay removable, and the output says what the bridge would add."""
    namespace.install(namespace.values("fixed"))
    code, row = decided(kubeconfig, "upstream-fixed", (1, 1))
    assert (code, row["removable"], row["reasons"]) == (0, True, [])
    said = command("--kubeconfig", kubeconfig)[1]
    assert "Needs no overlay for the handshake: " in said
    assert "what the bridge would fix there" in said


def test_watch_sees_it_scaled_to_none(installed, namespace, kubeconfig, tmp_path):
    """--watch prints a new table after a scale to zero, and Ctrl-C ends it with 130."""
    line = [
        sys.executable,
        "-m",
        "litellm_overlay",
        "status",
        "--watch",
        "--kubeconfig",
        kubeconfig,
    ]
    out, errors = tmp_path / "out", tmp_path / "errors"
    with out.open("w") as stdout, errors.open("w") as stderr:
        watching = subprocess.Popen(line, stdout=stdout, stderr=stderr)
        try:
            until(lambda: "1/1" in out.read_text(), "the first table")
            namespace.kubectl("scale", "deployment/litellm", "--replicas=0")
            until(lambda: "pending" in out.read_text(), "the second table")
        finally:
            watching.send_signal(signal.SIGINT)
            code = watching.wait(10)
    assert (code, errors.read_text().strip()) == (130, "interrupted")
    code, row = decided(kubeconfig, "pending", (0, 0))
    assert (code, row["reasons"]) == (0, ["no pod runs"])
