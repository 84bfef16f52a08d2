"""Story 2: the chart with the overlay, on both layouts of LiteLLM's images."""

from __future__ import annotations

import pytest

from e2e.kit.stories import MASTER_KEY, decision
from litellm_overlay.local import codex_cli
from pins import PINS
from support.client import connect, said, turn
from support.codex_app_server import session

MODELS = {"gpt-5.4": "native", "my-alias": "alias", "managed-5.4": "managed provider"}
ANSWER = "Hello from the mock model."
LAYOUTS = ["system", "venv"]


@pytest.fixture(scope="module", params=LAYOUTS)
def door(request, namespace):
    """Install the chart with the image of one layout; yield a door to the proxy."""
    namespace.install(namespace.values(request.param))
    with namespace.door() as door:
        yield door
    namespace.helm("uninstall", "litellm", "--wait")


def test_the_guard_says_what_it_did(door, namespace):
    """The termination message, as `kubectl describe pod` shows it, names decision and patch."""
    pod = namespace.pod()
    report = decision(pod)
    assert report["decision"] == "patched"
    assert report["patchVersion"] == "2.0.0"
    assert pod["metadata"]["annotations"]["litellm-overlay/patch-version"] == "2.0.0"
    described = namespace.kubectl("describe", "pod", pod["metadata"]["name"])
    assert '"decision": "patched"' in described


@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/v1/responses?model=gpt-5.4"])
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
async def test_a_turn(door, path, nested):
    """A turn completes on both paths, with and without ?model=, with both forms of first frame."""
    fields = {"model": "gpt-5.4", "input": "hi"}
    async with connect(door.ws_url + path, MASTER_KEY) as socket:
        events = await turn(socket, **({"response": fields} if nested else fields))
    assert said(events) == ANSWER


@pytest.mark.parametrize("version", PINS["codex-e2e"])
@pytest.mark.parametrize("model", MODELS, ids=MODELS.get)
def test_codex(door, namespace, model, version):
    """Codex makes three turns, one with a tool call, over one handshake and without HTTP."""
    before = codex_cli.count_requests(namespace.logs())
    with session(codex_cli.install(version), f"{door.url}/v1", model, MASTER_KEY) as server:
        turns = [server.turn(text) for text in ("say hi", "say hi again", "TRIGGERTOOL")]
    assert [turn.status for turn in turns] == ["completed"] * 3, turns
    assert [turn.text for turn in turns] == [ANSWER] * 3
    assert turns[2].outputs == ["tool-ran\n"]
    after = codex_cli.count_requests(namespace.logs())
    seen = {name: after[name] - before[name] for name in after}
    assert seen == {"accepted": 1, "refused": 0, "posts": 0}


def test_helm_test(door, namespace):
    """`helm test` makes a turn from the image itself and prints the guard's decision."""
    printed = namespace.helm("test", "litellm")
    assert "guard: patched:" in printed
    assert "turn: response.completed from gpt-5.4" in printed
    assert MASTER_KEY not in printed
