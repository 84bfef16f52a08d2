"""The operator's input: a values file and options in, frozen and checked `OverlayValues` out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import yaml

from endpoint_patch import plan as guard_plan
from endpoint_patch.errors import PlanUnreadableError
from litellm_overlay.errors import ValuesError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Init containers run before the proxy, so a pod reserves the larger of the two, not the sum. No
# limit of ephemeral-storage: beside a proxy without one the kubelet holds the whole pod to it, for
# as long as the pod lives, and evicts it. The result's emptyDir has a limit of its own.
RESOURCES = {
    "requests": {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
    "limits": {"cpu": "1", "memory": "256Mi"},
}
# No quotes, braces or dollar signs: these paths stand in YAML, in JSON, in Helm values that a chart
# may pass through `tpl`, and in environment variables, where Kubernetes expands $(NAME).
_PATH = re.compile(r"/[\w./+-]+", re.ASCII)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class OverlayValues:
    """What an operator may choose; None: the tool decides.

    `settings` holds only what was given, and the mode: an older patch version must not be told of a
    setting that it does not know. `image` is a whole reference. `env`, `security_context` and
    `pod_security_context` are the proxy's own, in the words of the Kubernetes API.
    """

    name: str = "litellm-overlay"
    namespace: str | None = None
    patch_version: str | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: {"mode": "websocket"})
    on_unknown: str = "fail"
    module_path: str | None = None
    litellm_version: str | None = None
    image: str | None = None
    image_pull_policy: str | None = None
    workload: str = "litellm"
    container: str | None = None
    replica_count: int = 1
    existing_config_map: str = "litellm-config"
    secret: str | None = None
    init_resources: Mapping[str, Any] = field(default_factory=lambda: RESOURCES)
    env: tuple[Mapping[str, Any], ...] = ()
    security_context: Mapping[str, Any] = field(default_factory=dict)
    pod_security_context: Mapping[str, Any] = field(default_factory=dict)


def load(text: str, **options: object) -> OverlayValues:
    """Return the values of a YAML text, overruled by those options that are not None.

    An empty text is as good as none. The keys are `OverlayValues`' own in camelCase, but for
    `image.{repository,tag,digest,pullPolicy}` and `patch.{version,mode,maxMessageBytes,…}`.
    """
    raw = read_mapping(text, "the values")
    given: dict[str, Any] = {}
    _take_patch(given, _pop_mapping(raw, "patch"))
    _take_image(given, _pop_mapping(raw, "image"))
    known = {_camel(item.name): item.name for item in fields(OverlayValues)}
    for own in ("image", "imagePullPolicy", "patchVersion", "settings"):
        del known[own]
    if unknown := sorted(set(map(str, raw)) - set(known)):
        choices = ", ".join(sorted({*known, "image", "patch"}))
        raise ValuesError(f"the values have no key {unknown[0]!r}", f"known keys: {choices}")
    given |= {known[key]: value for key, value in raw.items() if value not in (None, "")}
    settings = options.pop("settings", None) or {}
    given |= {name: value for name, value in options.items() if value is not None}
    given["settings"] = {"mode": "websocket", **given.pop("settings", {}), **settings}  # type: ignore[dict-item]
    _check(given)
    if "env" in given:
        given["env"] = tuple(given["env"])
    return OverlayValues(**given)


def read_mapping(text: str, what: str) -> dict[str, Any]:
    """Return the mapping in a YAML text; empty for an empty text. `what` names it in errors."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValuesError(f"{what} are not YAML: {' '.join(str(error).split())}") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ValuesError(f"{what} must be a mapping, not a {type(raw).__name__}")
    return raw


def _take_patch(given: dict[str, Any], patch: dict[str, Any]) -> None:
    if version := patch.pop("version", None):
        given["patch_version"] = version
    given["settings"] = {key: value for key, value in patch.items() if value is not None}


def _take_image(given: dict[str, Any], image: dict[str, Any]) -> None:
    policy = image.pop("pullPolicy", None)
    if policy:
        given["image_pull_policy"] = policy
    if reference := image_reference(image, "image"):
        given["image"] = reference


def image_reference(image: Mapping[str, Any], where: str) -> str | None:
    """Join repository, tag and digest; None where there is no repository."""
    unknown = sorted(set(image) - {"repository", "tag", "digest"})
    if unknown:
        raise ValuesError(
            f"{where} has no key {unknown[0]!r}", "known keys: repository, tag, digest, pullPolicy"
        )
    parts = {key: value for key, value in image.items() if value not in (None, "")}
    for key, value in parts.items():
        if not isinstance(value, str):
            raise ValuesError(f"{where}.{key} must be a text, not {value!r}", "put it in quotes")
    if "repository" not in parts:
        if parts:
            raise ValuesError(f"{where} has a {' and a '.join(parts)}, but no repository")
        return None
    tag = f":{parts['tag']}" if "tag" in parts else ""
    digest = f"@{parts['digest']}" if "digest" in parts else ""
    return f"{parts['repository']}{tag}{digest}"


def _check(given: dict[str, Any]) -> None:
    for name, (test, rule) in _RULES.items():
        if name in given and not test(given[name]):
            raise ValuesError(f"{_camel(name)} must be {rule}, not {given[name]!r}")
    try:
        guard_plan.check_settings(given["settings"])
    except PlanUnreadableError as error:
        raise ValuesError(error.message.replace("settings.", "patch."), error.hint or "") from error
    drain_file = given["settings"].get("drainFile")
    if drain_file and not _PATH.fullmatch(drain_file):
        raise ValuesError(f"patch.drainFile must be {_A_PATH}, not {drain_file!r}")


def _pop_mapping(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.pop(key, None)
    if value is not None and not isinstance(value, dict):
        raise ValuesError(f"{key} must be a mapping, not {value!r}")
    return dict(value or {})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _name(value: object) -> bool:
    # 253 for a ConfigMap's name, less version and digest; 63 for the labels it stands in.
    return isinstance(value, str) and len(value) <= 63 and bool(_NAME.fullmatch(value))


def _path(value: object) -> bool:
    return isinstance(value, str) and bool(_PATH.fullmatch(value)) and ".." not in value


def _mapping(value: object) -> bool:
    return isinstance(value, dict)


_A_NAME = "of lower-case letters, digits and hyphens, 63 at most"
_A_PATH = "an absolute path of letters, digits and . _ + - /"
_RULES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "name": (_name, _A_NAME),
    "namespace": (_name, _A_NAME),
    "workload": (_name, _A_NAME),
    "container": (_name, _A_NAME),
    "existing_config_map": (_name, _A_NAME),
    "secret": (_name, _A_NAME),
    "replica_count": (
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
        "a whole number",
    ),
    "patch_version": (_text, 'a text such as "2.0.0"'),
    "litellm_version": (_text, 'a text such as "1.88.6"'),
    "on_unknown": (lambda value: value in ("fail", "passthrough"), '"fail" or "passthrough"'),
    "module_path": (_path, _A_PATH),
    "image": (_text, "an image reference"),
    "image_pull_policy": (
        lambda value: value in ("Always", "IfNotPresent", "Never"),
        "Always, IfNotPresent or Never",
    ),
    "init_resources": (_mapping, "a mapping of requests and limits"),
    "security_context": (_mapping, "a mapping"),
    "pod_security_context": (_mapping, "a mapping"),
    "env": (
        lambda value: isinstance(value, list) and all(map(_mapping, value)),
        "a list of name and value",
    ),
}
