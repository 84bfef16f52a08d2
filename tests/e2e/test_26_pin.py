"""Story 26: `pin` records what a real cluster runs, and later differences are reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from e2e.kit.stories import decision
from kind.litellm import release_in
from litellm_overlay import __version__


@pytest.fixture(scope="module")
def lock(namespace, tmp_path_factory):
    """Install the chart; return the path of a lock file that does not exist yet."""
    namespace.install(namespace.values("venv"))
    return tmp_path_factory.mktemp("lock") / "litellm-overlay.lock"


@pytest.fixture
def overlay(namespace, lock):
    """Return a function that runs a verb with the lock and returns exit code, stdout and stderr."""

    def overlay(verb, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "litellm_overlay", verb, *arguments],
            env={
                **os.environ,
                "KUBECONFIG": str(namespace.world.cluster.kubeconfig),
                "LITELLM_OVERLAY_LOCK": str(lock),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return overlay


def test_pin_what_the_pods_have_reported(namespace, lock, overlay):
    """`pin` records image, release, hashes, patch and chart of the pods; --check then passes."""
    code, _, said = overlay("pin", "--from-cluster", "--namespace", namespace.name)
    assert (code, said) == (0, f"{lock}: written\n")
    pod = namespace.pod()
    report, annotations = decision(pod), pod["metadata"]["annotations"]
    image_id = pod["status"]["containerStatuses"][0]["imageID"]
    image = namespace.world.image("venv")
    assert json.loads(lock.read_text()) == {
        "lockVersion": 1,
        "image": image,
        "imageDigest": image_id.rpartition("@")[2] if "@" in image_id else None,
        "litellmVersion": release_in(image),
        "stockSha256": report["stockSha256"],
        "patchVersion": "2.0.0",
        "payloadDigest": annotations["litellm-overlay/payload-digest"],
        "onFixed": "passthrough",
        "chartVersion": __version__,
    }
    assert overlay("pin", "--from-cluster", "--namespace", namespace.name, "--check")[0] == 0


def test_the_cluster_is_as_the_lock_says(namespace, lock, overlay):
    """`status` and `render` accept a cluster and values that equal the lock."""
    code, _, errors = overlay("status", "--namespace", namespace.name)
    assert (code, errors) == (0, "")
    assert overlay("render", "--format", "payload")[0] == 0


def test_another_patch_is_a_difference(namespace, lock, overlay):
    """Another patch is drift in `status` and an error in `render`, until `pin` updates the lock."""
    namespace.install(namespace.values("venv", patch={"version": "1.0.0"}))
    code, said, errors = overlay("status", "--namespace", namespace.name)
    assert code == 5
    assert f"{namespace.name}/litellm: the patch is 1.0.0, the lock says 2.0.0" in said
    assert errors.startswith("error: 1 drifted\n")
    code, said, errors = overlay("render", "--patch", "1.0.0")
    assert (code, said) == (5, "")
    assert "the patch is 1.0.0, the lock says 2.0.0" in errors
    code, said, _ = overlay("pin", "--from-cluster", "--namespace", namespace.name)
    assert code == 0
    assert "patchVersion    1.0.0  (was 2.0.0)" in said
    assert overlay("status", "--namespace", namespace.name)[0] == 0


def test_only_what_works_is_pinned(namespace, lock, overlay):
    """A workload with upstream's fix is not pinned, and the lock stays unchanged."""
    before = lock.read_bytes()
    namespace.install(namespace.values("fixed"))
    code, _, errors = overlay("pin", "--from-cluster", "--namespace", namespace.name)
    assert (code, lock.read_bytes()) == (5, before)
    assert errors.startswith("error: deployment/litellm has upstream's fix\n")
