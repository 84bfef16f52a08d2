"""Story 26: `pin` writes down what a real cluster runs, and from then on all else is a difference."""

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
    """Install the chart; return the path of a lock that is not written yet."""
    namespace.install(namespace.values("venv"))
    return tmp_path_factory.mktemp("lock") / "litellm-overlay.lock"


@pytest.fixture
def overlay(namespace, lock):
    """Run the command line with the lock in the environment; return exit code, stdout, stderr."""

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
    """Image, release, both hashes, patch and chart; a second time it is the same."""
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
    """For `status`, and the payload for `render`."""
    code, _, errors = overlay("status", "--namespace", namespace.name)
    assert (code, errors) == (0, "")
    assert overlay("render", "--format", "payload")[0] == 0


def test_another_patch_is_a_difference(namespace, lock, overlay):
    """In a cluster it is drift, in manifests it is refused; the lock is what changes last."""
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
    """What needs no overlay is not; the lock stays as it is."""
    before = lock.read_bytes()
    namespace.install(namespace.values("fixed"))
    code, _, errors = overlay("pin", "--from-cluster", "--namespace", namespace.name)
    assert (code, lock.read_bytes()) == (5, before)
    assert errors.startswith("error: deployment/litellm has upstream's fix\n")
