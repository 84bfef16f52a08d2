"""The drain that `inject --drain` adds to the operator's manifests, and its removal. Pure.

An annotation marks a pod with a drain. The drain is a volume for its flag file, a postStart and a
preStop hook in each proxy, and a grace period. If the pod has a grace period, that stays, and the
drain is shortened to fit in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_overlay import names
from litellm_overlay.errors import OverlayError
from litellm_overlay.objects.access import (
    annotations_of,
    at,
    int_at,
    items,
    mapping,
    string_at,
    string_list_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_overlay.objects.access import Object

HOOKS = ("postStart", "preStop")
GRACE = "terminationGracePeriodSeconds"
_MARGIN = 30  # seconds of the grace period before and after the drain
_LEAST = 5  # seconds, the shortest drain
_A_PORT = re.compile(r"[0-9]{1,5}")
_PORT = 4000  # LiteLLM's default
_GRACE_IS_OURS, _HOOKS_ALONE = "with-grace-period", "hooks"  # the annotation's values


@dataclass(frozen=True, slots=True)
class Drain:
    """How a pod drains: for how many seconds, and by which flag file, given as a path.

    `adds_grace` says that we add the pod's grace period.
    """

    seconds: int
    adds_grace: bool
    flag: str

    @property
    def grace(self) -> int:
        """Return the grace period, in seconds, that the drain needs."""
        return self.seconds + _MARGIN

    @property
    def annotations(self) -> Mapping[str, str]:
        """Return the annotation that records what was added, for its removal."""
        return {names.DRAIN_ANNOTATION: _GRACE_IS_OURS if self.adds_grace else _HOOKS_ALONE}


def plan_drain(template: Object, seconds: int, flag: str) -> Drain:
    """Return the drain of a pod template, which lasts `seconds` or less.

    Raises OverlayError if the pod's own grace period is too short for a drain.
    """
    if GRACE not in mapping(template, "spec"):
        return Drain(seconds, adds_grace=True, flag=flag)
    there = int_at(template, "spec", GRACE) or 0
    if there - _MARGIN < _LEAST:
        raise OverlayError(
            f"its {GRACE} of {there} leaves no time to drain",
            f"set it to {seconds + _MARGIN} in the manifests, or take it out there",
        )
    return Drain(min(seconds, there - _MARGIN), adds_grace=False, flag=flag)


def proxy_port(container: Object) -> int:
    """Return the port of a proxy: its argument --port, else its first containerPort, else 4000."""
    args = [*string_list_at(container, "command"), *string_list_at(container, "args")]
    for number_, arg in enumerate(args):
        name, _, value = arg.partition("=")
        digits = value or "".join(args[number_ + 1 : number_ + 2])
        if name == "--port" and _A_PORT.fullmatch(digits):
            return int(digits)
    listening = [int_at(each, "containerPort") for each in items(container, "ports")]
    return next((port for port in listening if port), _PORT)


def refuse_hooks(container: Object) -> None:
    """Raise OverlayError if a container already has a postStart or preStop hook."""
    there = [hook for hook in HOOKS if hook in mapping(container, "lifecycle")]
    if there:
        raise OverlayError(
            f"its container {string_at(container, 'name')} has a {there[0]} hook of its own",
            "leave --drain out, or below workloads in the values file: drainSeconds: 0",
        )


def is_ours(template: Object) -> bool:
    """Say whether `inject` added a drain to a pod template."""
    return names.DRAIN_ANNOTATION in annotations_of(template)


def grace_is_ours(template: Object) -> bool:
    """Say whether `inject` added the grace period of a pod template."""
    return annotations_of(template).get(names.DRAIN_ANNOTATION) == _GRACE_IS_OURS


def our_hooks(container: object) -> list[str]:
    """Return which of "postStart" and "preStop" are our hooks in a container.

    Only the commands are compared, so call it for a pod template whose drain is ours.
    """
    lower, raise_ = (
        string_list_at(container, "lifecycle", hook, "exec", "command") for hook in HOOKS
    )
    ours = {"postStart": lower[:2] == ["rm", "-f"], "preStop": raise_[3:4] == ["drain"]}
    return [hook for hook in HOOKS if ours[hook]]


def without_drain(template: Any) -> Any:
    """Return a pod template's data without our hooks and grace period; it is not changed in place.

    The flag's volume and mounts stay in it. Others remove them by their names.
    """
    spec = at(template, "spec")
    if not is_ours(template) or not isinstance(spec, dict):
        return template
    spec = dict(spec)
    if grace_is_ours(template):
        spec.pop(GRACE, None)
    if isinstance(spec.get("containers"), list):
        spec["containers"] = list(map(_without_hooks, spec["containers"]))
    return {**template, "spec": spec}


def _without_hooks(container: Any) -> Any:
    ours = our_hooks(container)
    if not ours:
        return container
    left = {hook: it for hook, it in container["lifecycle"].items() if hook not in ours}
    return {**container, "lifecycle": left}
