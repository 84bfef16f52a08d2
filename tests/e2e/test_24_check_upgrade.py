"""Story 24: `check-upgrade` predicts what the guard decides after an upgrade."""

from __future__ import annotations

import json
import subprocess
import sys

from e2e.kit.stories import decision, until


def told(verb, *arguments):
    """Run a verb with JSON output; return its exit code and the parsed output."""
    line = [sys.executable, "-m", "litellm_overlay", verb, "--output", "json", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 5}, done.stderr
    return done.returncode, json.loads(done.stdout)


def install(namespace, image, **values):
    """Install or upgrade; return the `status` row once its one pod agrees."""
    namespace.install(namespace.values(image, **values))
    config = namespace.world.cluster.kubeconfig

    def settled():
        code, (row,) = told("status", "--kubeconfig", config, "--namespace", namespace.name)
        return (code, row["agreeing"], row["pods"]) == (0, 1, 1) and row

    return until(settled, f"one pod of {image}")


def check(current, target):
    """Return exit code and result of `check-upgrade`."""
    return told("check-upgrade", "--from", current, "--to", target)


def running(namespace):
    """Return the proxy's image from the Deployment, as an operator would copy it."""
    (container,) = namespace.get("deployment", "litellm")["spec"]["template"]["spec"]["containers"]
    return container["image"]


def test_still_needed_and_the_module_moves(namespace, world):
    """Between image layouts `check-upgrade` predicts the patch version and the new module path."""
    before = install(namespace, "system")
    code, found = check(running(namespace), world.image("venv"))
    assert (before["decision"], code, found["verdict"]) == ("patched", 0, "still-needed")
    assert before["advisories"] == [item["id"] for item in found["from"]["advisories"]]
    assert any("module's path moves" in text for text in found["changes"])
    row = install(namespace, "venv")
    assert (row["decision"], row["patchVersion"]) == ("patched", found["to"]["pin"])
    assert row["litellmVersion"] == found["to"]["version"]
    pod = namespace.pod()
    assert [decision(pod)["modulePath"]] == found["to"]["modulePaths"]


def test_fixed_upstream_and_the_overlay_goes(namespace, world):
    """`check-upgrade` predicts upstream's fix; `status` then says that the overlay is removable."""
    before = install(namespace, "venv")
    assert (before["decision"], before["removable"]) == ("patched", False)
    code, found = check(running(namespace), world.image("fixed"))
    assert (code, found["verdict"]) == (0, "fixed-upstream")
    row = install(namespace, "fixed")
    assert (row["decision"], row["removable"]) == ("upstream-fixed", True)
    assert row["litellmVersion"] == found["to"]["version"]
    pod = namespace.pod()
    assert decision(pod)["stockSha256"] == found["to"]["endpointsSha256"]
    assert install(namespace, "fixed", patch={"enabled": False})["decision"] == "not-overlaid"
