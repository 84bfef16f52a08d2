"""Story 5: an image that has upstream's fix."""

from __future__ import annotations

from e2e.kit.stories import MASTER_KEY, decision
from kind.litellm import release_in
from litellm_overlay.catalogue import releases
from support.client import connect, said, turn


async def test_nothing_is_changed(namespace, world):
    """The proxy runs the image's own file unchanged, and the guard's hint names `onFixed`."""
    namespace.install(namespace.values("fixed"))
    pod = namespace.pod()
    report = decision(pod)
    assert report["decision"] == "upstream-fixed"
    assert "hang for 300 s" in report["message"]
    assert report["hint"].startswith("Set onFixed to patch for the bridge there")
    release = releases.load().release(release_in(world.image("fixed")))
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


async def test_the_bridge_where_it_is_asked_for(namespace):
    """`onFixed: patch` adds the bridge; without the value the image's own file is back."""
    wanted = namespace.values("fixed", patch={"onFixed": "patch"})
    notes = namespace.install(wanted)
    assert "the overlay puts the bridge there too" in notes
    pod = namespace.pod()
    report = decision(pod)
    assert (report["decision"], report["upstream"]) == ("patched", "fixed")
    with namespace.door() as door:
        async with connect(f"{door.ws_url}/v1/responses", MASTER_KEY) as socket:
            assert said(await turn(socket, model="gpt-5.4", input="hi"))
    assert "guard: patched:" in namespace.helm("test", "litellm")
    namespace.install(namespace.values("fixed"))
    pod = namespace.pod()
    assert decision(pod)["decision"] == "upstream-fixed"
