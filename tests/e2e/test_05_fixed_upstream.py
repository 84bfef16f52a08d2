"""Story 5: an image that has upstream's fix."""

from __future__ import annotations

from fakes.client import connect, said, turn
from fakes.stories import MASTER_KEY, decision
from kind.litellm import release_in
from litellm_overlay import catalogue


async def test_nothing_is_changed(namespace, world):
    """The proxy runs the image's own file, to the byte, and the guard says to go without."""
    namespace.install(namespace.values("fixed"))
    (pod,) = namespace.pods()
    report = decision(pod)
    assert report["decision"] == "upstream-fixed"
    assert report["hint"] == "Remove the overlay."
    release = catalogue.load().release(release_in(world.image("fixed")))
    assert release.state == "fixed"
    printed = namespace.kubectl(
        *("exec", pod["metadata"]["name"], "--container", "litellm"),
        *("--", "sha256sum", report["modulePath"]),
    )
    assert printed.split()[0] == release.endpoints_sha256
    with namespace.door() as door:
        async with connect(f"{door.ws_url}/v1/responses", MASTER_KEY) as socket:
            assert said(await turn(socket, model="gpt-5.4", input="hi"))
    assert "guard: upstream-fixed:" in namespace.helm("test", "litellm")
