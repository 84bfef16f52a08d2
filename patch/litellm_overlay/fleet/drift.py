"""Compare a pod with its owner's template: find the guard's decision and any drift. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_overlay.catalogue import image_tags
from litellm_overlay.names import (
    DIGEST_ANNOTATION,
    INIT_CONTAINER,
    VERSION_ANNOTATION,
    payload_name,
)
from litellm_overlay.objects import guard_report, pods
from litellm_overlay.objects.access import name, string_at
from litellm_overlay.objects.guard_report import GuardReport
from litellm_overlay.objects.workloads import PodTemplate, overlay_mount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.objects.access import Object


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The state that a pod template, or a pod, asks for.

    `image` and `container` belong to the first proxy. `overlaid` is true if any part of the overlay
    is present; `guarded`, if our init container is. `on_fixed` is the guard's onFixed setting.
    `notes` are explanations. `doubts` are reasons why the overlay cannot work as intended.
    """

    image: str
    container: str
    overlaid: bool
    guarded: bool
    patch_version: str | None
    digest: str | None
    mode: str
    on_fixed: str | None
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PodStatus:
    """The state of one pod, compared with its owner's template.

    `decision` is the guard's, or "not-overlaid" for a pod with no part of the overlay. It is None
    if an overlaid pod lacks our init container, or if that has no readable report yet.
    `image_digest` is the "sha256:…" of the proxy's image. It is None until the guard has succeeded,
    and for an image from no registry. `drift` and `notes` are sentences.
    """

    name: str
    decision: str | None
    report: GuardReport
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    image_digest: str | None = None


def desired_state(item: Object, catalogue: Catalogue) -> DesiredState | None:
    """Return what a template or pod asks for; None if it has neither LiteLLM nor the overlay."""
    template = PodTemplate(item)
    if not (template.overlaid or template.litellm_containers):
        return None
    annotations = template.annotations
    return DesiredState(
        image=string_at(template.first_proxy, "image"),
        container=string_at(template.first_proxy, "name"),
        overlaid=template.overlaid,
        guarded=template.guard is not None,
        patch_version=string_at(annotations, VERSION_ANNOTATION) or None,
        digest=string_at(annotations, DIGEST_ANNOTATION) or None,
        mode=template.overlay_mode,
        on_fixed=string_at(template.guard_plan, "onFixed") or None,
        notes=tuple(_notes(template)),
        doubts=tuple(_doubts(template, catalogue)),
    )


def pod_status(pod: Object, asked: DesiredState, catalogue: Catalogue) -> PodStatus:
    """Return the state of a pod, with its drift from the template of its owner."""
    own = desired_state(pod, catalogue)
    drift = [*_differences(own, asked)]
    if own is None or not own.overlaid:
        return PodStatus(name(pod), "not-overlaid", GuardReport(), tuple(drift))
    if not own.guarded:  # no guard, so no report
        return PodStatus(name(pod), None, GuardReport(), tuple(drift))
    report = guard_report.read(pod)
    if not report.ended:
        why = f"not reported yet: {pods.why_waiting(pod)}"
        return PodStatus(name(pod), None, report, tuple(drift), (why,))
    if report.decision == "refused":
        why = " ".join(filter(None, (report.why, report.hint)))
        return PodStatus(name(pod), "refused", report, tuple(drift), (why,))
    if report.decision is None:
        drift.append(f"{report.fault}; restart the pod for a new one")
        return PodStatus(name(pod), None, report, tuple(drift))
    if report.fact("patchVersion") != own.patch_version:
        drift.append(
            f"the guard reports patch {report.fact('patchVersion')}, "
            f"the annotation says {own.patch_version}"
        )
    if ids := pods.two_images(pod):
        drift.append(f"init container and proxy run different images: {', '.join(ids)}")
    digest = pods.image_digest(pods.image_id(pod, own.container))
    return PodStatus(name(pod), report.decision, report, tuple(drift), image_digest=digest)


def _notes(template: PodTemplate) -> Iterator[str]:
    if template.namesake and not template.guard:
        yield f"its init container {INIT_CONTAINER} is not ours"
    if len(template.litellm_containers) > 1:
        names = ", ".join(string_at(each, "name") for each in template.litellm_containers)
        yield f"several containers run LiteLLM's image: {names}"


def _doubts(template: PodTemplate, catalogue: Catalogue) -> Iterator[str]:
    version = string_at(template.annotations, VERSION_ANNOTATION)
    digest = string_at(template.annotations, DIGEST_ANNOTATION)
    if not template.guard:
        if version:
            yield f"annotated with patch {version}, but the init container is missing"
        elif template.mounting_containers:
            yield "the patched file is mounted, but the init container is missing"
        return
    mount, path = overlay_mount(template.first_proxy), string_at(template.guard_plan, "modulePath")
    if not mount:
        yield "the proxy does not mount the patched file"
    elif mount.get("mountPath") != path:
        yield f"the proxy mounts over {mount.get('mountPath')}, the guard patched {path}"
    if not version or not digest:
        yield "the annotations of the overlay are missing"
        return
    patch = catalogue.patch_versions.get(version)
    if not patch or patch.digest != digest:
        yield (
            f"payload {version} {digest[:12]} is unknown to this litellm-overlay: it is older than "
            "the chart, or the chart is"
        )
    payload, _ = template.payload
    if not payload.endswith(payload_name("", version, digest)):
        yield f"the payload is {payload or 'missing'}, the annotation says {digest[:12]}"


def _differences(own: DesiredState | None, asked: DesiredState) -> Iterator[str]:
    has = (own.overlaid, own.guarded) if own else (False, False)
    should = (asked.overlaid, asked.guarded)
    if own is None or has != should:
        more = has > should
        yield "has the overlay, the template has not" if more else "lacks the template's overlay"
    elif own and (own.patch_version, own.digest) != (asked.patch_version, asked.digest):
        yield f"has patch {own.patch_version}, the template {asked.patch_version}"
    if own and _short(own.image) != _short(asked.image):
        yield f"runs {own.image}, the template says {asked.image}"


def _short(image: str) -> tuple[str, str | None]:
    """Return an image's last path component and tag, without its registry and digest.

    An admission webhook may rewrite images to a mirror, or add digests. A reference that cannot be
    parsed is returned whole, with None.
    """
    try:
        parsed = image_tags.parse_image(image)
    except ValueError:
        return image, None
    return parsed.name.rpartition("/")[2], parsed.tag
