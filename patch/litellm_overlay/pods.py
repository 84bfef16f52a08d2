"""What a pod template asks of the overlay, and what one pod says that it got. Pure.

Objects are dictionaries as the Kubernetes API has them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_overlay import images
from litellm_overlay.plan import (
    DIGEST_ANNOTATION,
    INIT_CONTAINER,
    OUTPUT_VOLUME,
    PAYLOAD_VOLUME,
    VERSION_ANNOTATION,
    payload_name,
)
from litellm_overlay.workloads import runs_litellm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_overlay.catalogue import Catalogue

Object = dict[str, Any]

_GUARD = "endpoint_patch"  # the program that our init container runs
_DECISIONS = {
    "patched": "patched",
    "upstream-fixed": "upstream-fixed",
    "passthrough": "passthrough",
    "refused": "refused",
    "crashed": "refused",
}


@dataclass(frozen=True, slots=True)
class Template:
    """A pod template, or a pod's own copy of it.

    `image` is the proxy's, "" where none runs LiteLLM; `overlaid` says that our init container is
    in it. `doubts` are sentences: why it cannot do what it seems to.
    """

    image: str
    container: str
    overlaid: bool
    patch_version: str | None
    digest: str | None
    mode: str
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """One pod. `decision` is None while the guard has not reported; `report` is the guard's.

    `image_digest` is "sha256:…" of the image that the proxy runs, None where it came from no
    registry. `drift` are sentences that call for a look; `notes` explain.
    """

    name: str
    decision: str | None
    report: Object
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    image_digest: str | None = None


def template(item: Object, known: Catalogue) -> Template | None:
    """Read a pod template; None where neither LiteLLM nor an overlay of ours is in it."""
    spec, annotations = item.get("spec") or {}, _get(item, "metadata", "annotations")
    named = _by_name(spec.get("initContainers")).get(INIT_CONTAINER)
    ours = named if named and is_ours(named) else None
    containers = [each for each in spec.get("containers") or [] if isinstance(each, dict)]
    mounting = [each for each in containers if _mount(each)]
    proxies = [each for each in containers if runs_litellm(each)]
    if not (ours or proxies):
        return None
    notes: list[str] = []
    if named and not ours:
        notes.append(f"its init container {INIT_CONTAINER} is not ours")
    if len(proxies) > 1:
        names = ", ".join(str(each.get("name")) for each in proxies)
        notes.append(f"several containers run LiteLLM's image: {names}")
    proxy = ((mounting if ours else []) or proxies or containers or [{}])[0]
    version, digest = annotations.get(VERSION_ANNOTATION), annotations.get(DIGEST_ANNOTATION)
    doubts = _doubts(spec, ours, proxy, known, version, digest) if ours else []
    if version and not ours:
        doubts = [f"annotated with patch {version}, but the init container is missing"]
    return Template(
        image=str(proxy.get("image", "")),
        container=str(proxy.get("name", "")),
        overlaid=ours is not None,
        patch_version=version,
        digest=digest,
        mode=str(_get(guard_plan(ours or {}), "settings").get("mode", "websocket")),
        notes=tuple(notes),
        doubts=tuple(doubts),
    )


def read(pod: Object, wanted: Template, known: Catalogue) -> Seen:
    """Hold a pod against the template that its owner has now."""
    name = str(_get(pod, "metadata").get("name", ""))
    own = template(pod, known)
    drift = list(_differences(own, wanted))
    if own is None or not own.overlaid:
        return Seen(name, "not-overlaid", {}, tuple(drift))
    init = _status(pod, "initContainerStatuses", INIT_CONTAINER)
    ended = _ended(init)
    if ended is None:
        return Seen(name, None, {}, tuple(drift), (f"not reported yet: {_waiting(pod)}",))
    report, fault = _report(ended)
    exit_code = ended.get("exitCode", 0)
    if exit_code or (report and report["decision"] in {"refused", "crashed"}):
        said = " ".join(str(report.get(key) or "") for key in ("message", "hint")) if report else ""
        why = said.strip() or f"the guard ended with exit code {exit_code}; {fault}"
        return Seen(name, "refused", report or {}, tuple(drift), (why,))
    if report is None:
        return Seen(name, None, {}, (*drift, f"{fault}; restart the pod for a new one"))
    if report.get("patchVersion") != own.patch_version:
        drift.append(
            f"the guard reports patch {report.get('patchVersion')}, "
            f"the annotation says {own.patch_version}"
        )
    proxy = _status(pod, "containerStatuses", own.container)
    ids = [init.get("imageID"), proxy.get("imageID")]
    if all(ids) and ids[0] != ids[1]:
        drift.append(f"init container and proxy run different images: {ids[0]}, {ids[1]}")
    decision = _DECISIONS[report["decision"]]
    return Seen(name, decision, report, tuple(drift), image_digest=_digest(str(ids[1] or "")))


def is_ours(init: Object) -> bool:
    """Say whether an init container runs the guard, by itself or through a shell."""
    parts = [init.get(part) for part in ("command", "args")]
    words = [str(word) for part in parts if isinstance(part, list) for word in part]
    return any(_GUARD in word.split() for word in words)


def is_over(pod: Object) -> bool:
    """Say whether a pod is about to go, or has ended: evicted, completed, failed."""
    ended = _get(pod, "status").get("phase") in {"Failed", "Succeeded"}
    return ended or "deletionTimestamp" in _get(pod, "metadata")


def _doubts(  # noqa: PLR0913, PLR0917 - one check, all that it looks at
    spec: Object,
    init: Object,
    proxy: Object,
    known: Catalogue,
    version: str | None,
    digest: str | None,
) -> list[str]:
    doubts = []
    mount, path = _mount(proxy), guard_plan(init).get("modulePath")
    if not mount:
        doubts.append("the proxy does not mount the patched file")
    elif mount.get("mountPath") != path:
        doubts.append(f"the proxy mounts over {mount.get('mountPath')}, the guard patched {path}")
    if not version or not digest:
        return [*doubts, "the annotations of the overlay are missing"]
    patch = known.patch_versions.get(version)
    if not patch or patch.digest != digest:
        doubts.append(f"payload {version} {digest[:12]} is not in the catalogue of this release")
    volumes = _by_name(spec.get("volumes"))
    payload = str(_get(volumes.get(PAYLOAD_VOLUME, {}), "configMap").get("name", ""))
    if not payload.endswith(payload_name("", version, digest)):
        doubts.append(f"the payload is {payload or 'missing'}, the annotation says {digest[:12]}")
    return doubts


def _differences(own: Template | None, wanted: Template) -> Iterable[str]:
    if own is None or own.overlaid != wanted.overlaid:
        has = own is not None and own.overlaid
        yield "has the overlay, the template has not" if has else "lacks the template's overlay"
    elif (own.patch_version, own.digest) != (wanted.patch_version, wanted.digest):
        yield f"has patch {own.patch_version}, the template {wanted.patch_version}"
    if own and _short(own.image) != _short(wanted.image):
        yield f"runs {own.image}, the template says {wanted.image}"


def _short(image: str) -> tuple[str, str | None]:
    """Return name and tag. A webhook may send pods to a mirror, or add the digest."""
    try:
        parsed = images.parse(image)
    except ValueError:
        return image, None
    return parsed.name.rpartition("/")[2], parsed.tag


def _digest(image_id: str) -> str | None:
    """Return the digest in a status' imageID; one without a name before it is a node's own."""
    return image_id.rpartition("@")[2] if "@" in image_id else None


def _mount(container: Object) -> Object:
    mounts = container.get("volumeMounts") or []
    return next((each for each in mounts if each.get("name") == OUTPUT_VOLUME), {})


def guard_plan(init: Object) -> Object:
    """Return the guard's plan from our init container; {} where it has none or it is not JSON."""
    text = _by_name(init.get("env")).get("LITELLM_OVERLAY_PLAN", {}).get("value")
    return _object(text) or {}


def _ended(status: Object) -> Object | None:
    for state in ("state", "lastState"):
        if ended := _get(status, state).get("terminated"):
            return dict(ended)
    return None


def _report(ended: Object) -> tuple[Object | None, str]:
    """Return the report in a termination message; else None, and what is wrong with it."""
    message = ended.get("message")
    if not message:
        return None, "the guard left no report"
    report = _object(message)
    if report and report.get("decision") in _DECISIONS:
        return report, ""
    if report is None and message.startswith("{"):
        return None, "the guard's report is cut"
    return None, "the termination message is no report of the guard"


def _waiting(pod: Object) -> str:
    """Return why a pod's guard has not run, in the words of the kubelet."""
    statuses = _get(pod, "status")
    for part in ("initContainerStatuses", "containerStatuses"):
        for status in statuses.get(part) or []:
            waiting = _get(status, "state", "waiting")
            if waiting.get("reason") not in {None, "PodInitializing"}:
                detail = f", {waiting['message']}" if waiting.get("message") else ""
                return f"{status.get('name')}: {waiting['reason']}{detail}"
    for condition in statuses.get("conditions") or []:
        if condition.get("reason") == "Unschedulable":
            return f"Unschedulable, {condition.get('message')}"
    return "it is starting"


def _status(pod: Object, part: str, name: str) -> Object:
    return _by_name(_get(pod, "status").get(part)).get(name, {})


def _by_name(items: object) -> dict[str, Object]:
    listed = items if isinstance(items, list) else []
    return {str(item.get("name")): item for item in listed if isinstance(item, dict)}


def _get(item: Object, *keys: str) -> Object:
    """Return an object within an object; an empty one where it is missing or null."""
    for key in keys:
        item = item.get(key) or {}
    return item


def _object(text: object) -> Object | None:
    try:
        found = json.loads(str(text))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
