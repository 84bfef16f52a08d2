"""Story 22: `doctor` on a real cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from e2e.kit.stories import until
from e2e.kit.verbs import forget, kubeconfig_of_rights, overlay, rights


def doctor(namespace, *arguments):
    """Return exit code, findings and Codex's base URLs."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "litellm_overlay", "doctor", "--from-cluster"),
            *("--output", "json", "-n", namespace.name, *arguments),
        ],
        env={**os.environ, "KUBECONFIG": str(namespace.world.cluster.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    said = json.loads(done.stdout)
    return done.returncode, said["findings"], said["codex"]


def test_the_chart_has_no_error(namespace):
    """An installed chart has no error, and doctor prints a base URL for Codex."""
    namespace.install(namespace.values("venv"))
    code, findings, codex = doctor(namespace)
    assert (code, [item for item in findings if item["severity"] == "error"]) == (0, [])
    assert codex[0]["baseUrl"].endswith("/v1")


def test_the_rights_that_rbac_prints(namespace, tmp_path):
    """The printed rights suffice for all kinds; a forbidden kind is named in a warning."""
    objects, file = rights(namespace, "doctor"), tmp_path / "kubeconfig"
    arguments = ("--from-cluster", "--kubeconfig", file)
    try:
        kubeconfig_of_rights(namespace, file, objects)
        done = overlay("doctor", *arguments)
        assert (done.code, done.err) == (0, "")
        rules = objects[1]["rules"]
        objects[1]["rules"] = [rule for rule in rules if "ingresses" not in rule["resources"]]
        kubeconfig_of_rights(namespace, file, objects)
        done = overlay("doctor", *arguments)
    finally:
        forget(namespace, objects)
    assert done.code == 0
    assert done.err == (
        "warning: Ingress objects were not looked at: "
        f"not allowed to list ingresses in the namespace {namespace.name} (403)\n"
    )


def test_a_refused_pod_is_an_error(namespace):
    """A pod that the guard refuses is an error, with the guard's sentence."""
    namespace.install(namespace.values("changed"), wait=False)

    def refused():
        code, findings, _ = doctor(namespace)
        return code == 5 and [item for item in findings if item["topic"] == "refused"]

    (finding, *_) = until(refused, "the finding")
    assert "looks affected, but was altered" in finding["what"] + finding["why"]
