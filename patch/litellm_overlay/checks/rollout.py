"""Check what happens to running sessions when a pod ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_overlay import _resources
from litellm_overlay.checks.finding import Finding
from litellm_overlay.objects.access import Object, at, mapping, name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.checks.world import Workload, World

_MARGIN = 30  # seconds of the grace period before and after the drain
# The seconds in our manifests/drain.sh: `ends=$(($(date +%s) + $2))`; by hand: `sleep 120`.
_SECONDS = re.compile(r'\+%s\) \+ (\d+)|\bsleep\s+"?(\d+)')
_ARGUMENT = re.compile(r"\$\{?(\d)\}?")
_DRAIN = """\
litellm-overlay inject {patch}--drain < MANIFESTS
# with the other options you had; it replaces what is there
# or by hand:
litellm-overlay inject {patch}--set drainFile=/tmp/litellm-overlay-drain < MANIFESTS
# and in the proxy's container, which must be allowed to write to /tmp:
  lifecycle:
    postStart:
      exec:
        command: [rm, -f, /tmp/litellm-overlay-drain]
    preStop:
      exec:
        command:
        - sh
        - -c
        - |
          {text}
        - drain
        - /tmp/litellm-overlay-drain
        - "120"
        - "4000"  # the port that LiteLLM listens on
# and in the pod:
  terminationGracePeriodSeconds: 150"""


def check_drain(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield findings if a rollout cuts the sessions of a workload that serves WebSockets."""
    if not workload.websocket or workload.item.get("kind") == "Pod":
        return
    hook = next(
        (mapping(each, "lifecycle", "preStop") for each in workload.template.proxies),
        {},
    )
    if not hook:
        relay = str(workload.template.guard_plan.get("patchVersion", "")).startswith("1.")
        yield Finding(
            workload.qualified_name,
            "warning",
            "no-drain",
            "the proxy has no preStop hook",
            "LiteLLM's server cuts every WebSocket at once when its pod ends, running turns too",
            _drain(catalogue.default_patch_version if relay else ""),
        )
        if at(workload.item, "spec", "replicas") in (None, 1) and not _scaled(world, workload):
            yield Finding(
                workload.qualified_name,
                "note",
                "one-replica",
                "there is one replica, and it does not drain",
                "each rollout and each drained node cuts all sessions at once",
                "replicas: 2\n# or a preStop hook",
            )
        return
    drain = seconds(hook)
    grace = at(workload.template.spec, "terminationGracePeriodSeconds")
    grace = grace if isinstance(grace, int) else 30
    if drain is not None and grace < drain + _MARGIN:
        yield Finding(
            workload.qualified_name,
            "warning",
            "short-grace",
            f"the pod is killed after {grace} s, but its preStop hook takes up to {drain} s",
            "sessions that still run then are cut without a close; Codex waits up to 300 s",
            f"terminationGracePeriodSeconds: {drain + _MARGIN}",
        )


def seconds(hook: Object) -> int | None:
    """Return the longest time, in seconds, that a preStop hook takes; None if it does not say."""
    sleep = at(hook, "sleep", "seconds")
    if isinstance(sleep, int):
        return sleep
    text = _command_text(at(hook, "exec", "command"))
    numbers = [int(ours or by_hand) for ours, by_hand in _SECONDS.findall(text)]
    if not numbers:
        return None
    # Our loop sleeps until its deadline, so count the deadline and not the sleeps.
    return max(numbers) if "+%s) +" in text else sum(numbers)


def _command_text(command: object) -> str:
    """Return a command as one text, with its shell arguments filled in.

    In `sh -c TEXT A B`, A replaces $0 in TEXT, and B replaces $1.
    """
    words = [str(word) for word in command] if isinstance(command, list) else []
    return " ".join(_filled(word, words[number:]) for number, word in enumerate(words, 1))


def _filled(text: str, arguments: list[str]) -> str:
    return _ARGUMENT.sub(lambda found: "".join(arguments[int(found[1]) :][:1]), text)


def _drain(patch: str) -> str:
    """Return the fix that adds our drain to the operator's manifests, by `inject` or by hand.

    `patch` is the patch version to change to, "" if the present one can drain.
    """
    text = (_resources.root("manifests") / "drain.sh").read_text("utf-8")
    drain = _DRAIN.format(
        patch=f"--patch {patch} " if patch else "",
        text=text.rstrip().replace("\n", "\n" + " " * 10),
    )
    return f"# patch 1.0.0 cannot drain, {patch} can\n{drain}" if patch else drain


def _scaled(world: World, workload: Workload) -> bool:
    targets = (
        mapping(it, "spec", "scaleTargetRef") for it in world.of_kind("HorizontalPodAutoscaler")
    )
    return any(
        it.get("name") == name(workload.item) and it.get("kind") == workload.item.get("kind")
        for it in targets
    )
