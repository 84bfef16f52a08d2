"""Story 22: `doctor` on a real cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from fakes.stories import until


def doctor(namespace, *arguments):
    """Return exit code, findings and Codex's addresses."""
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
    """As installed; and Codex gets an address."""
    namespace.install(namespace.values("venv"))
    code, findings, codex = doctor(namespace)
    assert (code, [item for item in findings if item["severity"] == "error"]) == (0, [])
    assert codex[0]["base_url"].endswith("/v1")


def test_a_refused_pod_is_an_error(namespace):
    """Found from the guard's own report, with the next step."""
    namespace.install(namespace.values("changed"), wait=False)

    def refused():
        code, findings, _ = doctor(namespace)
        return code == 5 and [item for item in findings if item["topic"] == "refused"]

    (finding, *_) = until(refused, "the finding")
    assert "looks affected, but was altered" in finding["what"] + finding["why"]
