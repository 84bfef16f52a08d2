"""Match workloads with the operator's patterns, and find the values of each. Pure.

A pattern is [!][KIND/[NAMESPACE/]]NAME, with * and ? in each part; "!" leaves out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from litellm_overlay.errors import ValuesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from litellm_overlay.overlay.values import OverlayValues

# As kubectl abbreviates them.
_SHORT = {
    "deploy": "deployment",
    "sts": "statefulset",
    "ds": "daemonset",
    "rs": "replicaset",
    "rc": "replicationcontroller",
    "po": "pod",
    "ro": "rollout",
    "dc": "deploymentconfig",
}
_KINDS = set(_SHORT.values())
_PART = re.compile(r"[A-Za-z0-9.*?-]+", re.ASCII)
# The values that may differ from workload to workload.
OWN = (
    "container",
    "image_name",
    "litellm_version",
    "module_path",
    "patch_version",
    "settings",
    "on_unknown",
    "on_fixed",
    "expected_sha256",
    "init_resources",
    "drain_seconds",
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern for workloads by kind, namespace and name.

    `leaves_out` says that it excludes them instead of choosing them.
    """

    text: str
    kind: str
    namespace: str
    name: str
    leaves_out: bool

    @property
    def exact(self) -> bool:
        """Say whether it chooses by kind and name, without wildcards."""
        return not (self.leaves_out or {"*", "?"} & set(self.kind + self.name))

    def matches(self, kind: str, namespace: str | None, name: str) -> bool:
        """Say whether it matches a workload. One without a namespace matches in any."""
        return (
            fnmatchcase(kind.lower(), self.kind)
            and fnmatchcase(name, self.name)
            and (namespace is None or fnmatchcase(namespace, self.namespace))
        )


def parse_pattern(text: str) -> Pattern:
    """Return the pattern that a text describes. Raises ValuesError if it is not valid."""
    parts = text.removeprefix("!").split("/")
    if len(parts) > 3 or not all(map(_PART.fullmatch, parts)):
        raise ValuesError(
            f"{text!r} names no workload",
            "write KIND/NAME or KIND/NAMESPACE/NAME, with * where any will do, as "
            "Deployment/litellm-*; a ! in front leaves out",
        )
    kind = parts[0].lower() if parts[1:] else "*"
    kind = _SHORT.get(kind, kind)
    kind = kind.removesuffix("s") if kind.removesuffix("s") in _KINDS else kind
    home = parts[1] if parts[2:] else "*"
    return Pattern(text, kind, home, parts[-1], text.startswith("!"))


@dataclass(frozen=True, slots=True)
class Selection:
    """The operator's choice of workloads, and the values of some of them.

    Without a pattern that chooses, all are chosen. All entries of `own` that match count; a later
    one overrides an earlier one.
    """

    patterns: tuple[Pattern, ...] = ()
    own: tuple[tuple[Pattern, dict[str, Any]], ...] = ()

    @classmethod
    def from_options(cls, texts: Iterable[str], values: OverlayValues) -> Selection:
        """Return the selection of options and values file.

        Any pattern in `texts` replaces all leaveOut keys of the values file.
        """
        own = tuple((parse_pattern(each["workload"]), dict(each)) for each in values.workloads)
        patterns = tuple(map(parse_pattern, texts))
        if not patterns:
            patterns = tuple(
                replace(pattern, leaves_out=True) for pattern, keys in own if keys.get("leave_out")
            )
        return cls(patterns, own)

    @property
    def choosing(self) -> list[Pattern]:
        """Return the patterns that choose, not those that leave out."""
        return [each for each in self.patterns if not each.leaves_out]

    def left_out(self, kind: str, namespace: str | None, name: str) -> Pattern | None:
        """Return the first `!` pattern that matches a workload; None if none does."""
        excluding = (each for each in self.patterns if each.leaves_out)
        return next((each for each in excluding if each.matches(kind, namespace, name)), None)

    def chosen(self, kind: str, namespace: str | None, name: str) -> bool:
        """Say whether a pattern chooses a workload, or there is no pattern that chooses."""
        choosing = self.choosing
        return not choosing or any(each.matches(kind, namespace, name) for each in choosing)

    def names_exactly(self, kind: str, namespace: str | None, name: str) -> bool:
        """Say whether a pattern without wildcards names a workload by kind and name."""
        patterns = [*self.choosing, *(each for each, _ in self.own)]
        return any(
            each.exact and each.kind != "*" and each.matches(kind, namespace, name)
            for each in patterns
        )

    def values_of(
        self, values: OverlayValues, kind: str, namespace: str | None, name: str
    ) -> OverlayValues:
        """Return the values of one workload: these, overridden by its own."""
        for pattern, keys in self.own:
            if pattern.matches(kind, namespace, name):
                names = {item.name for item in fields(values)}
                changed = {key: value for key, value in keys.items() if key in names & set(OWN)}
                if "settings" in changed:
                    changed["settings"] = {**values.settings, **changed["settings"]}
                values = replace(values, **changed)
        return values

    def unmatched(self, seen: Sequence[tuple[str, str | None, str]]) -> list[Pattern]:
        """Return the patterns that match none of the workloads in `seen`, each of them once."""
        patterns = [*self.patterns, *(each for each, _ in self.own)]
        unmatched = (each for each in patterns if not any(each.matches(*item) for item in seen))
        return list({each.text: each for each in unmatched}.values())
