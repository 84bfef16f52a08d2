"""Which LiteLLM is inside: the guard's report says it, and without one the image's tag."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from packaging.version import Version

from litellm_overlay import advice, plan
from litellm_overlay.checks.model import (
    Finding,
    Object,
    Workload,
    World,
    at,
    items,
    mapping,
    named,
    our_mount,
    title,
    word,
)
from litellm_overlay.errors import NotInCatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.advice import Answer
    from litellm_overlay.catalogue import Catalogue, Release

# What a container waits for in vain; in CrashLoopBackOff the run before tells more.
_STUCK = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}


def of_image(world: World, workload: Workload, known: Catalogue) -> Iterator[Finding]:
    """Yield what is wrong with the release that each proxy runs."""
    for proxy in workload.proxies:
        given = identify(world, workload, proxy, known)
        yield from _state(workload, given, known, overlaid=our_mount(proxy) is not None)
        if given.release and given.release.advisories and given.state != "malicious":
            yield _advisories(workload, given.release, known)


def identify(world: World, workload: Workload, proxy: Object, known: Catalogue) -> Answer:
    """Return the answer for a proxy: what the guards in its pods found, else what the tag says."""
    found = {report(pod).get("litellmVersion") for pod in world.pods_of(workload)} - {None}
    asked = str(found.pop()) if len(found) == 1 and our_mount(proxy) else str(proxy.get("image"))
    try:
        return advice.answer(asked, known)
    except (ValueError, NotInCatalogueError) as error:
        return advice.Answer(asked, None, exact=False, why=str(error))


def report(pod: Object) -> Object:
    """Return the guard's report from a pod's status; {} where there is none that can be read."""
    try:
        found = json.loads(_message(pod) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def of_pods(world: World, workload: Workload, known: Catalogue) -> Iterator[Finding]:
    """Yield what the pods report: the guard's decision, and two images where one was meant."""
    del known
    for pod in world.pods_of(workload):
        yield from _waiting(pod)
        message, found = _message(pod), report(pod)
        decision = found.get("decision")
        said, hint = str(found.get("message")), str(found.get("hint") or "")
        if message and not decision:
            yield Finding(
                title(pod),
                "warning",
                "report-unreadable",
                f"the guard's report cannot be read; its container ended with: {message[:200]}",
                "what was decided in this pod is not known; the proxy may be unpatched",
                f"kubectl logs {_where(pod)} --container {plan.INIT_CONTAINER}",
            )
        elif decision in {"refused", "crashed"}:
            why = f"the pod does not start (exit code {found.get('exitCode')}); older ones serve on"
            yield Finding(title(pod), "error", "refused", said, why, hint)
        elif decision == "passthrough":
            why = "the proxy runs unpatched: if it is affected, Codex gets HTTP 403"
            yield Finding(title(pod), "warning", "passthrough", said, why, hint)
        init, proxy = _image_id(pod, plan.INIT_CONTAINER), _image_id(pod, _proxy_name(workload))
        if init and proxy and init != proxy:
            yield Finding(
                title(pod),
                "error",
                "two-images",
                f"init container and proxy run different images: {init} and {proxy}",
                "the tag moved between two pulls; the file was made from the other image, and a "
                "proxy of another release refuses to start with it",
                f"pin the image by digest, then: kubectl delete {_where(pod)}",
            )


def _state(
    workload: Workload, given: Answer, known: Catalogue, *, overlaid: bool
) -> Iterator[Finding]:
    release = f"LiteLLM {given.release.version}" if given.release else given.asked
    nearest = "" if given.exact or not given.release else f" ({given.why})"
    meaning = advice.MEANING[given.state]
    steps = "\n".join(advice.next_steps(given, known))
    fixed = next(r.version for r in known.in_state("fixed") if not Version(r.version).is_prerelease)
    remove = "litellm-overlay inject --remove < MANIFESTS, or patch.enabled=false in the chart"

    def finding(severity: str, topic: str, what: str, why: str, fix: str) -> Finding:
        return Finding(workload.title, severity, topic, what, why, fix)

    if given.state == "affected" and not overlaid:
        what = f"{release} is affected and has no overlay{nearest}"
        yield finding("error", "affected", what, meaning, "litellm-overlay inject < MANIFESTS")
    elif given.state == "malicious":
        yield finding("error", "malicious", f"{release} is malware", meaning, steps)
    elif given.state == "unknown":
        what = f"which LiteLLM {release} holds is not known: {given.why}"
        if overlaid:
            why = "the guard looks at the file in the pod and refuses what it does not know"
            yield finding("note", "unknown-release", what, why, steps)
        else:
            why = "it may be affected: 1.82.1 to 1.88.6 refuse Codex's WebSocket handshake"
            yield finding("warning", "unknown-release", what, why, steps)
    elif given.state == "handshake-fixed":
        what = f"{release} has upstream's fix of the handshake only{nearest}"
        yield finding("warning", "handshake-fixed", what, meaning, f"move to {fixed} or later")
    elif given.state == "fixed" and overlaid:
        what = f"{release} has upstream's fix: the overlay may be removed{nearest}"
        yield finding("note", "fixed", what, meaning, remove)
    elif given.state == "no-endpoint" and overlaid:
        what = f"{release} has no Responses WebSocket endpoint, yet there is an overlay{nearest}"
        why = "the guard refuses such a file, so the pod does not start"
        yield finding("error", "no-endpoint", what, why, remove)
    elif given.state == "no-endpoint":
        yield finding("note", "no-endpoint", f"{release} has no endpoint{nearest}", meaning, steps)


def _advisories(workload: Workload, release: Release, known: Catalogue) -> Finding:
    ids = ", ".join(item.id for item in release.advisories)
    free = known.release(max((a.fixed_in for a in release.advisories), key=Version)).version
    better = known.newest_affected if release.state == "affected" else free
    return Finding(
        workload.title,
        "warning",
        "advisories",
        f"LiteLLM {release.version} has known vulnerabilities: {ids}",
        "the overlay mends none of them",
        f"run {better} instead; details: litellm-overlay releases {release.version}",
    )


def _message(pod: Object) -> str | None:
    """Return the guard's last words. In a crash loop they are those of the run before."""
    status = named(items(pod, "status", "initContainerStatuses"), plan.INIT_CONTAINER) or {}
    for when in ("state", "lastState"):
        ended = mapping(status, when, "terminated")
        found = ended.get("message") or (ended.get("reason") if ended.get("exitCode") else None)
        if found:
            return str(found)
    return None


def _waiting(pod: Object) -> Iterator[Finding]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        for status in items(pod, "status", kind):
            waiting = mapping(status, "state", "waiting")
            if word(waiting, "reason") in _STUCK:
                said = word(waiting, "message") or "no more is said"
                yield Finding(
                    title(pod),
                    "error",
                    "pod-waiting",
                    f"container {status.get('name')} waits: {waiting['reason']}: {said}",
                    "the pod does not start; older ones serve on",
                    f"kubectl describe {_where(pod)}",
                )


def _image_id(pod: Object, container: str) -> str:
    for kind in ("initContainerStatuses", "containerStatuses"):
        if found := named(items(pod, "status", kind), container):
            return str(found.get("imageID") or "")
    return ""


def _proxy_name(workload: Workload) -> str:
    return next((str(each.get("name")) for each in workload.proxies if our_mount(each)), "")


def _where(pod: Object) -> str:
    namespace = at(pod, "metadata", "namespace")
    inside = f"--namespace {namespace} " if namespace else ""
    return f"{inside}pod/{at(pod, 'metadata', 'name')}"
