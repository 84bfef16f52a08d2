"""Read the operator's values file and options into frozen, checked `OverlayValues`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeGuard

from endpoint_patch import plan as guard_plan
from endpoint_patch.errors import PlanUnreadableError
from litellm_overlay import names
from litellm_overlay.camel_case import to_camel_case
from litellm_overlay.errors import OverlayError, ValuesError
from litellm_overlay.objects import yaml_tree
from litellm_overlay.overlay import workload_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# Init containers run before the proxy, so a pod reserves the larger of the two, not the sum. There
# is no limit of ephemeral-storage: if the proxy had none, the kubelet would apply this one to the
# whole pod, as long as it lives, and evict it. The emptyDir of the result has its own limit.
RESOURCES = {
    "requests": {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
    "limits": {"cpu": "1", "memory": "256Mi"},
}
# No quotes, braces or dollar signs: these paths stand in YAML, in JSON, in Helm values that a chart
# may pass through `tpl`, and in environment variables, where Kubernetes expands $(NAME).
_PATH = re.compile(r"/[\w./+-]+", re.ASCII)
_NAMES = re.compile(
    r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:,[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.ASCII
)
_IMAGE_NAME = re.compile(r"[a-z0-9._*?-]+", re.ASCII)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class OverlayValues:
    """The operator's choices. None: the tool decides.

    The payloads of the `keep_newest` newest patch versions, and of `keep_versions`, are rendered.
    `settings` holds only what was given, and the mode, because an older patch version refuses a
    setting that it does not know. (`render --format manifests` adds the two files, which all
    versions know.) `image` is a whole reference. `env`, `security_context` and
    `pod_security_context` are the proxy's own, in the shape of the Kubernetes API. `container` may
    be several names, with commas between. `image_name` is a pattern for the last part of an image's
    name that counts as LiteLLM's. `drain_seconds` limits the drain that `inject` adds; with 0 and
    None it adds none. `workloads` has values of single workloads, see `workload_values`.
    """

    name: str = names.PAYLOAD_PREFIX
    namespace: str | None = None
    patch_version: str | None = None
    keep_newest: int = 2
    keep_versions: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=lambda: {"mode": "websocket"})
    on_fixed: str | None = None
    on_unknown: str = "fail"
    expected_sha256: str | None = None
    module_path: str | None = None
    litellm_version: str | None = None
    image: str | None = None
    image_pull_policy: str | None = None
    workload: str = "litellm"
    container: str | None = None
    image_name: str | None = None
    workloads: tuple[Mapping[str, Any], ...] = ()
    replica_count: int = 1
    existing_config_map: str = "litellm-config"
    secret: str | None = None
    drain_seconds: int | None = None
    init_resources: Mapping[str, Any] = field(default_factory=lambda: RESOURCES)
    env: tuple[Mapping[str, Any], ...] = ()
    security_context: Mapping[str, Any] = field(default_factory=dict)
    pod_security_context: Mapping[str, Any] = field(default_factory=dict)


def load(text: str, **options: object) -> OverlayValues:
    """Return the values of a YAML text. Options override them, except those that are None.

    An empty text gives the defaults. The keys are `OverlayValues`' own in camelCase, but for
    `image.{repository,tag,digest,pullPolicy}` and `patch.{version,onFixed,keepNewest,mode,…}`.
    Raises ValuesError if a key or value is not valid.
    """
    raw = read_mapping(text, "the values file")
    values: dict[str, Any] = {}
    fields_ = {item.name for item in fields(OverlayValues)}
    if "workloads" in raw:
        values["workloads"] = workload_values.read(raw.pop("workloads"), fields_, _check)
    _take_patch(values, _pop_mapping(raw, "patch"))
    _take_image(values, _pop_mapping(raw, "image"))
    by_key = {to_camel_case(name): name for name in fields_}
    patch_keys = map(to_camel_case, _OF_PATCH.values())
    for own in ("image", "imagePullPolicy", *patch_keys, "settings", "workloads"):
        del by_key[own]
    if unknown := sorted(set(map(str, raw)) - set(by_key)):
        choices = ", ".join(sorted({*by_key, "image", "patch", "workloads"}))
        raise ValuesError(f"the values have no key {unknown[0]!r}", f"known keys: {choices}")
    values |= {by_key[key]: value for key, value in raw.items() if value not in (None, "")}
    settings = options.pop("settings", None) or {}
    values |= {name: value for name, value in options.items() if value is not None}
    values["settings"] = {"mode": "websocket", **values.pop("settings", {}), **settings}  # type: ignore[dict-item]
    _check(values)
    values |= {name: tuple(values[name]) for name in ("env", "keep_versions") if name in values}
    return OverlayValues(**values)


def parse_settings(texts: Iterable[str]) -> dict[str, object]:
    """Return settings given as NAME=VALUE, or raise PlanUnreadableError.

    A value is JSON where it can be: `8000000` is a number, `http-fallback` a text.
    """
    settings: dict[str, object] = {}
    for pair in texts:
        name, equals, value = pair.partition("=")
        if not equals:
            raise PlanUnreadableError(f"{pair!r} is not NAME=VALUE.")
        try:
            settings[name] = json.loads(value)
        except (ValueError, RecursionError):
            settings[name] = value
    guard_plan.check_settings(settings)
    return settings


def read_mapping(text: str, what: str) -> dict[str, Any]:
    """Return the mapping in a YAML text, {} for an empty text. `what` names the text in errors.

    Raises ValuesError if it is not YAML or no mapping.
    """
    try:
        raw = yaml_tree.load(text, what)
    except OverlayError as error:
        raise ValuesError(error.message, error.hint) from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ValuesError(f"{what} must be a mapping, not a {type(raw).__name__}")
    return raw


def _take_patch(values: dict[str, Any], patch: dict[str, Any]) -> None:
    taken = {name: patch.pop(key, None) for key, name in _OF_PATCH.items()}
    values |= {name: value for name, value in taken.items() if value not in (None, "")}
    values["settings"] = {key: value for key, value in patch.items() if value is not None}


def _take_image(values: dict[str, Any], image: dict[str, Any]) -> None:
    policy = image.pop("pullPolicy", None)
    if policy:
        values["image_pull_policy"] = policy
    if reference := image_reference(image, "image"):
        values["image"] = reference


def image_reference(image: Mapping[str, Any], where: str) -> str | None:
    """Return "repository:tag@digest", None if none of the three is set. `where` is for errors.

    Raises ValuesError if a part is not valid, and for a tag or a digest without a repository.
    """
    unknown = sorted(set(map(str, image)) - {"repository", "tag", "digest"})
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


def _check(values: dict[str, Any]) -> None:
    for name, (test, rule) in _RULES.items():
        if name in values and not test(values[name]):
            raise ValuesError(f"{to_camel_case(name)} must be {rule}, not {values[name]!r}")
    if (values.get("on_unknown") == "patch") != ("expected_sha256" in values):
        raise ValuesError(
            'onUnknown "patch" and expectedSha256 go together',
            "the file's sha256 stands in the guard's refusal, and in what sha256sum prints",
        )
    try:
        guard_plan.check_settings(values["settings"])
    except PlanUnreadableError as error:
        raise ValuesError(error.message.replace("settings.", "patch."), error.hint or "") from error
    for name in ("drainFile", "offFile"):
        file = values["settings"].get(name)
        if file and not _PATH.fullmatch(file):
            raise ValuesError(f"patch.{name} must be {_A_PATH}, not {file!r}")


def _pop_mapping(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.pop(key, None)
    if value is not None and not isinstance(value, dict):
        raise ValuesError(f"{key} must be a mapping, not {value!r}")
    return dict(value or {})


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _name(value: object) -> bool:
    # A ConfigMap's name, with version and digest, may have 253 characters; a label's value, 63.
    return isinstance(value, str) and len(value) <= 63 and bool(_NAME.fullmatch(value))


def _names(value: object) -> bool:
    return isinstance(value, str) and all(map(_name, value.split(",")))


def _image_name(value: object) -> bool:
    return isinstance(value, str) and bool(_IMAGE_NAME.fullmatch(value))


def _path(value: object) -> bool:
    return isinstance(value, str) and bool(_PATH.fullmatch(value)) and ".." not in value


def _mapping(value: object) -> bool:
    return isinstance(value, dict)


# Key of `patch` that is no setting of the guard -> its field.
_OF_PATCH = {
    "version": "patch_version",
    "onFixed": "on_fixed",
    "keepNewest": "keep_newest",
    "keepVersions": "keep_versions",
}
_A_NAME = "of lower-case letters, digits and hyphens, 63 at most"
_A_PATH = "an absolute path of letters, digits and . _ + - /"
_RULES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "name": (_name, _A_NAME),
    "namespace": (_name, _A_NAME),
    "workload": (_name, _A_NAME),
    "container": (_names, f"a name {_A_NAME}, or several with commas between"),
    "image_name": (_image_name, "the last part of an image's name, * and ? where any will do"),
    "existing_config_map": (_name, _A_NAME),
    "secret": (_name, _A_NAME),
    "replica_count": (
        lambda value: _whole(value) and value >= 0,
        "a whole number",
    ),
    "patch_version": (_text, 'a text such as "2.0.0"'),
    "keep_newest": (
        lambda value: _whole(value) and value > 0,
        "a whole number, 1 or more",
    ),
    "keep_versions": (
        lambda value: isinstance(value, list) and all(map(_text, value)),
        'a list of texts such as "2.0.0"',
    ),
    "litellm_version": (_text, 'a text such as "1.88.6"'),
    "on_fixed": (lambda value: value in ("passthrough", "patch"), '"passthrough" or "patch"'),
    "on_unknown": (
        lambda value: value in ("fail", "passthrough", "patch"),
        '"fail", "passthrough" or "patch"',
    ),
    "expected_sha256": (
        lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value)),
        "64 hex digits",
    ),
    "module_path": (_path, _A_PATH),
    "image": (_text, "an image reference"),
    "image_pull_policy": (
        lambda value: value in ("Always", "IfNotPresent", "Never"),
        "Always, IfNotPresent or Never",
    ),
    "drain_seconds": (
        lambda value: _whole(value) and (value == 0 or 5 <= value <= 3600),
        "a number of seconds, 5 to 3600, or 0",
    ),
    "init_resources": (_mapping, "a mapping of requests and limits"),
    "security_context": (_mapping, "a mapping"),
    "pod_security_context": (_mapping, "a mapping"),
    "env": (
        lambda value: isinstance(value, list) and all(map(_mapping, value)),
        "a list of name and value",
    ),
}
