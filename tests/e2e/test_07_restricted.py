"""Story 7: Pod Security "restricted", a read-only root, and a user unknown to the image."""

from __future__ import annotations

import pytest

from e2e.kit.stories import MASTER_KEY, decision
from litellm_overlay.errors import OverlayError
from support.client import connect, said, turn

USER = 1000680000  # in the range that OpenShift assigns


@pytest.mark.parametrize("layout", ["system", "venv"])
async def test_any_user_in_a_restricted_namespace(namespace, layout):
    """Both containers run as that user with a read-only root, and turns complete."""
    labels = namespace.get("namespace", namespace.name)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    security = {"runAsUser": USER, "runAsGroup": 0}
    namespace.install(namespace.values(layout, podSecurityContext=security))
    pod = namespace.pod()
    assert decision(pod)["decision"] == "patched"
    inside = ("exec", pod["metadata"]["name"], "--container", "litellm", "--")
    assert namespace.kubectl(*inside, "id", "-u").strip() == str(USER)
    for container in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert "runAsUser" not in container["securityContext"]
    with pytest.raises(OverlayError, match="Read-only file system"):
        namespace.kubectl(*inside, "touch", "/here")
    with namespace.door() as door:
        async with connect(f"{door.ws_url}/v1/responses", MASTER_KEY) as socket:
            assert said(await turn(socket, model="gpt-5.4", input="hi"))
    assert "turn: response.completed" in namespace.helm("test", "litellm")


def test_the_namespace_does_enforce_it(namespace):
    """Pod Security rejects an unrestricted pod, so the namespace really enforces it."""
    pod = {
        "kind": "Pod",
        "metadata": {"name": "loose"},
        "spec": {"containers": [{"name": "a", "image": "a"}]},
    }
    with pytest.raises(OverlayError, match="violates PodSecurity"):
        namespace.apply(pod)
