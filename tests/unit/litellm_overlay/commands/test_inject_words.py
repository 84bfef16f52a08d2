"""The messages of `inject`: each once, with the next step."""

from __future__ import annotations

from collections import Counter

import pytest

from support.fleet_manifests import FLEET, OFFICIAL, TWO, workload

PLAIN = FLEET["Deployment/plain"]
OURS = FLEET["Deployment/ours"]
SYSTEM, VENV = (
    f"{folder}/lib/python3.13/site-packages/litellm/proxy/response_api_endpoints/endpoints.py"
    for folder in ("/usr", "/app/.venv")
)
MOVING = workload("moving", f"{OFFICIAL}:main-stable")
DIGEST = workload("digest", f"{OFFICIAL}@sha256:{'a' * 64}")
LAYOUTS = workload("layouts", f"{OFFICIAL}:v1.83.7")
NO_PROXY = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
STREAMS = {
    "refused": MOVING,
    "two-refused": f"{MOVING}---\n{TWO}",
    "left-alone": OURS,
    "left-alone-beside": f"{OURS}---\n{PLAIN}",
    "refused-beside": f"{PLAIN}---\n{TWO}---\n{OURS}",
    "no-proxy": NO_PROXY,
}


@pytest.mark.parametrize("option", [[], ["--dry-run"], ["--strict"]], ids=str)
@pytest.mark.parametrize("text", STREAMS.values(), ids=STREAMS)
def test_nothing_is_said_twice(cli, text, option):
    """No line, reason or hint is repeated."""
    done = cli("inject", *option, stdin=text)
    said = done.err.splitlines() + (done.out.splitlines() if "--dry-run" in option else [])
    for mark in (": refused: ", "error: ", "hint: ", ": left alone: "):
        said = [line.replace(mark, " ").strip() for line in said]
    assert [line for line, times in Counter(said).items() if times > 1] == []


@pytest.mark.parametrize(
    ("text", "option", "code", "error"),
    [
        (TWO, [], 1, "Deployment/pair: runs LiteLLM's image in several containers: blue, green"),
        (TWO, ["--dry-run"], 1, "1 refusal, so nothing is written"),
        (f"{MOVING}---\n{TWO}", [], 1, "2 refusals, so nothing is written"),
        (f"{MOVING}---\n{DIGEST}", [], 2, "2 refusals, so nothing is written"),
        (OURS, [], 1, "no container in these manifests runs an image of LiteLLM that inject can patch"),
        (NO_PROXY, [], 1, "no container in these manifests runs an image of LiteLLM that inject can patch"),
    ],
)  # fmt: skip
def test_the_error_is_what_was_not_yet_said(cli, text, option, code, error):
    """The error is a lone refusal, or the number of refusals after their list."""
    done = cli("inject", *option, stdin=text)
    assert done.code == code
    *listed, said, hint = done.err.splitlines()
    assert said == f"error: {error}"
    assert hint.startswith("hint: ")
    assert [line for line in listed if line.startswith("error:")] == []


@pytest.mark.parametrize(
    ("text", "option", "said"),
    [
        (
            LAYOUTS,
            [],
            [
                "images of LiteLLM 1.83.7 exist in 2 layouts, and the tag does not say which",
                f"--module-path PATH (modulePath), which is {SYSTEM} or {VENV}.",
                f"kubectl exec POD --container NAME -- ls {SYSTEM} {VENV}.",
                "A wrong path does no harm",
            ],
        ),
        (
            MOVING,
            [],
            [
                "the tag main-stable moves: it names no release",
                "hint: say the release: --litellm VERSION (litellmVersion). ",
                "kubectl exec POD --container NAME -- litellm --version. ",
                f"--module-path PATH (modulePath), mostly {VENV}. A wrong path does no harm",
            ],
        ),
        (DIGEST, [], ["a digest alone names no release", "hint: say the release: --litellm "]),
        (
            PLAIN,
            ["--module-path", "/x/endpoints.py"],
            [
                (f"warning: Deployment/plain: images of LiteLLM 1.88.6 have the file at {VENV}; "
                "--module-path (modulePath) says /x/endpoints.py\nhint: leave the option out"),
            ],
        ),
        (LAYOUTS, ["--module-path", SYSTEM], ["Deployment/layouts: patch 2.0.0 for LiteLLM"]),
        (MOVING, ["--module-path", SYSTEM], ["Deployment/moving: patch 2.0.0; the release is not"]),
    ],
)  # fmt: skip
def test_where_the_file_is_is_asked_for_with_the_way_to_find_out(cli, text, option, said):
    """If release or path is unknown, the message says which to give and how to find it."""
    done = cli("inject", *option, stdin=text)
    assert [each for each in said if each not in done.err] == []
    assert ("warning: " in done.err and "says" in done.err) == ("/x/endpoints.py" in option)
