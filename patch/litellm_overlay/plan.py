"""(values, proxy, release, payload) in, frozen `OverlayPlan` out: all that templates need. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_overlay import advice, payload
from litellm_overlay.errors import NotInCatalogueError, OverlayError, ValuesError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_overlay.advice import Answer
    from litellm_overlay.catalogue import Catalogue
    from litellm_overlay.values import OverlayValues

INIT_CONTAINER = "litellm-overlay"
STOCK_CONTAINER = "litellm-overlay-stock"
PAYLOAD_VOLUME = "litellm-overlay-payload"
OUTPUT_VOLUME = "litellm-overlay-output"
PAYLOAD_PATH = "/litellm-overlay/payload"
OUTPUT_PATH = "/litellm-overlay/output"
VERSION_ANNOTATION = "litellm-overlay/patch-version"
DIGEST_ANNOTATION = "litellm-overlay/payload-digest"
PAYLOAD_LABELS = {
    "app.kubernetes.io/name": "litellm-overlay",
    "app.kubernetes.io/component": "payload",
}
# The init container runs as whom the proxy runs; all else it gets is less.
_IDENTITY = (
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "seLinuxOptions",
    "appArmorProfile",
    "seccompProfile",
)
_INTERPRETER = ("PATH", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Proxy:
    """The container that the overlay serves; fields in the words of the Kubernetes API."""

    container: str
    image: str
    pull_policy: str | None
    env: tuple[Mapping[str, Any], ...]
    security_context: Mapping[str, Any]
    pod_security_context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One payload file: a ConfigMap's key, the path it gets below the mount, and its text."""

    key: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Payload:
    """A patch version's ConfigMap. Its name carries its content, so it never changes."""

    name: str
    version: str
    digest: str
    items: tuple[Item, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OverlayPlan:
    """The overlay of one proxy container. `guard_plan` is JSON, read by `endpoint_patch`."""

    proxy: Proxy
    module_path: str
    patch_version: str
    payload: Payload
    guard_plan: str
    env: tuple[Mapping[str, Any], ...]
    security_context: Mapping[str, Any]
    resources: Mapping[str, Any]
    annotations: Mapping[str, str]


def payloads(name: str, known: Catalogue) -> tuple[Payload, ...]:
    """Return the ConfigMap of every released patch version.

    All of them are always there: a pod template from before or after an upgrade finds its own.
    """
    return tuple(_payload(name, version) for version in sorted(known.patch_versions, key=_numbers))


def payload_name(name: str, version: str, digest: str) -> str:
    """Return the name of a patch version's ConfigMap."""
    return f"{name}-{version}-{digest[:12]}"


def make(
    values: OverlayValues, proxy: Proxy, known: Catalogue, available: Sequence[Payload]
) -> OverlayPlan:
    """Return the plan, or say what is missing for it."""
    chosen = choose(values, known, available)
    path = module_path(values, proxy.image, known)
    guard_plan = {
        "patchVersion": chosen.version,
        "modulePath": path,
        "outputPath": f"{OUTPUT_PATH}/endpoints.py",
        "terminationMessagePath": "/dev/termination-log",
        "onUnknown": values.on_unknown,
        "settings": dict(values.settings),
    }
    return OverlayPlan(
        proxy=proxy,
        module_path=path,
        patch_version=chosen.version,
        payload=chosen,
        # Sorted and compact, as Helm's toJson has it.
        guard_plan=json.dumps(guard_plan, sort_keys=True, separators=(",", ":")),
        env=tuple(item for item in proxy.env if item.get("name") in _INTERPRETER),
        security_context=_confined(proxy.security_context, proxy.pod_security_context),
        resources=values.init_resources,
        annotations={VERSION_ANNOTATION: chosen.version, DIGEST_ANNOTATION: chosen.digest},
    )


def choose(values: OverlayValues, known: Catalogue, available: Sequence[Payload]) -> Payload:
    """Return the payload of the patch version that the values pin, else of the newest."""
    version = values.patch_version or known.default_patch_version
    chosen = next((item for item in available if item.version == version), None)
    if chosen is None:
        versions = ", ".join(item.version for item in available)
        raise NotInCatalogueError(f"there is no patch version {version}", f"known: {versions}")
    return chosen


def identify(values: OverlayValues, image: str, known: Catalogue) -> Answer:
    """Return what is known of the release in an image: the values say it, else the reference."""
    try:
        return advice.answer(values.litellm_version or image, known)
    except ValueError as error:
        raise ValuesError(
            str(error), "an image looks like ghcr.io/berriai/litellm:v1.88.6"
        ) from error
    except NotInCatalogueError:
        if values.module_path and not values.litellm_version:
            return advice.Answer(image, None, exact=False, why="not in the catalogue")
        raise


def module_path(values: OverlayValues, image: str, known: Catalogue) -> str:
    """Return where the proxy mounts the file; a wrong path is refused by the guard in the pod."""
    found = identify(values, image, known)
    if found.state == "malicious":
        raise OverlayError(
            f"LiteLLM {found.release.version if found.release else ''} is malware; never run it",
            "choose another release: litellm-overlay releases",
        )
    if found.state == "no-endpoint":
        raise OverlayError(
            f"LiteLLM {found.release.version if found.release else ''} has no Responses WebSocket "
            "endpoint; there is nothing to patch",
            "leave the overlay out for this image",
        )
    if values.module_path:
        return values.module_path
    if found.release is None:
        raise ValuesError(
            f"the image {image} does not tell which LiteLLM is inside: {found.why}",
            "set litellmVersion (--litellm), or modulePath (--module-path)",
        )
    paths = [item.path for item in known.paths_of(found.release.version)]
    if len(paths) != 1:
        raise ValuesError(
            f"images of LiteLLM {found.release.version} exist in {len(paths)} layouts",
            f"set modulePath (--module-path) to the right one: {' or '.join(paths)}",
        )
    return paths[0]


def from_values(values: OverlayValues) -> Proxy:
    """Return the proxy container as the values describe it."""
    if not values.image:
        raise ValuesError(
            "the proxy's image is not known", "set image.repository and image.tag, or --image"
        )
    return Proxy(
        container=values.container or "litellm",
        image=values.image,
        pull_policy=values.image_pull_policy,
        env=values.env,
        security_context=values.security_context,
        pod_security_context=values.pod_security_context,
    )


def is_payload(item: object) -> bool:
    """Say whether an object is one of our ConfigMaps, of this version or an older."""
    if not isinstance(item, dict) or item.get("kind") != "ConfigMap":
        return False
    labels = (item.get("metadata") or {}).get("labels") or {}
    return bool(labels.items() >= PAYLOAD_LABELS.items())


def _payload(name: str, version: str) -> Payload:
    digest = payload.digest(version)
    items = [
        Item(path.replace("/", "."), path, content.decode())
        for path, content in payload.files(version).items()
    ]
    if len({item.key for item in items}) != len(items):
        raise ValueError(f"two files of the payload {version} have the same ConfigMap key")
    labels = {**PAYLOAD_LABELS, "app.kubernetes.io/version": version}
    return Payload(payload_name(name, version, digest), version, digest, tuple(items), labels)


def _confined(own: Mapping[str, Any], pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return the proxy's identity under the rules of Pod Security "restricted".

    Nothing is set that would contradict the proxy: no user, and no seccomp profile where container
    or pod has one. Capabilities and privileges of the proxy are left out; the guard needs none.
    """
    context: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    context |= {key: own[key] for key in _IDENTITY if own.get(key) is not None}
    if "seccompProfile" not in context and not pod.get("seccompProfile"):
        context["seccompProfile"] = {"type": "RuntimeDefault"}
    return dict(sorted(context.items()))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
