"""Check which LiteLLM release a proxy runs, by the guard's report, else by the image's tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from litellm_overlay.catalogue import assessment
from litellm_overlay.catalogue.releases import UNREVIEWED
from litellm_overlay.checks.finding import Finding, pasteable
from litellm_overlay.errors import NotInCatalogueError
from litellm_overlay.names import INIT_CONTAINER
from litellm_overlay.objects import guard_report, pods, replacement
from litellm_overlay.objects.access import Object, at, qualified_name, string_at
from litellm_overlay.objects.recognition import is_worker
from litellm_overlay.objects.workloads import overlay_mount, runs_litellm
from litellm_overlay.printed import sentence, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue.assessment import Assessment
    from litellm_overlay.catalogue.releases import Catalogue, Release
    from litellm_overlay.checks.world import Workload, World

# Reasons that do not pass. For CrashLoopBackOff the previous run's report says more.
_STUCK = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}
_UNPATCHED = {
    "affected": "is affected",
    "handshake-fixed": "has upstream's fix of the handshake only",
}


def check_release(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield findings about the release that each proxy runs."""
    for proxy in workload.template.proxies:
        assessed = identify(world, workload, proxy, catalogue)
        overlaid = overlay_mount(proxy) is not None
        bridged = string_at(workload.template.guard_plan, "onFixed") == "patch"
        # An incomplete overlay has a finding of its own.
        half = (
            workload.template.guard and not overlaid and assessed.state in assessment.NEEDS_OVERLAY
        )
        if not (half or (overlaid and bridged and assessed.state == "fixed")):  # as it should be
            yield from _state(workload, assessed, catalogue, overlaid=overlaid)
        if assessed.release and assessed.release.advisories and assessed.state != "malicious":
            yield _advisories(workload, assessed.release, catalogue)


def identify(world: World, workload: Workload, proxy: Object, catalogue: Catalogue) -> Assessment:
    """Return the assessment of a proxy: by the release in its guards' reports, else by its image.

    Reports count only for a proxy with our mount, and only if they agree. Malware in a report, in
    the image's reference or in a running image counts first.
    """
    own, image = world.pods_of(workload), str(proxy.get("image"))
    reported = (guard_report.read(pod).fact("litellmVersion") for pod in own)
    versions = {version for version in reported if version}
    running = (pods.image_id(pod, string_at(proxy, "name")) for pod in own)
    if malware := assessment.find_malware(catalogue, image, *running, *versions):
        return malware
    asked = versions.pop() if len(versions) == 1 and overlay_mount(proxy) else image
    try:
        return assessment.assess(asked, catalogue)
    except (ValueError, NotInCatalogueError) as error:
        return assessment.Assessment(asked, None, exact=False, why=str(error))


def check_pod_reports(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield findings about pods: containers that wait, the guard's decision, two images."""
    del catalogue
    serves = _what_serves(workload)
    for pod in world.pods_of(workload):
        yield from _waiting(pod, serves)
        report = guard_report.read(pod)
        logs = f"kubectl logs {_where(pod)} --container {INIT_CONTAINER}"
        if report.decision == "refused":
            why = f"the pod does not start (exit code {report.exit_code}); {serves}"
            hint = sentence(report.hint) or logs
            yield Finding(qualified_name(pod), "error", "refused", report.why, why, hint)
        elif report.ended and report.decision is None:
            ending = f"; its container ended with: {report.text[:200]}" if report.text else ""
            yield Finding(
                qualified_name(pod),
                "warning",
                "report-unreadable",
                f"{report.fault}{ending}",
                "what was decided in this pod is not known; the proxy may be unpatched",
                logs,
            )
        elif report.decision == "passthrough":
            why = "the proxy runs unpatched: if it is affected, Codex gets HTTP 403"
            yield Finding(
                qualified_name(pod),
                "warning",
                "passthrough",
                report.why,
                why,
                sentence(report.hint),
            )
        if ids := pods.two_images(pod):
            yield Finding(
                qualified_name(pod),
                "error",
                "two-images",
                f"init container and proxy run different images: {' and '.join(ids)}",
                "the tag moved between two pulls; the file was made from the other image, and a "
                "proxy of another release refuses to start with it",
                f"# pin the image by digest, then\nkubectl delete {_where(pod)}",
            )


def _state(
    workload: Workload, assessed: Assessment, catalogue: Catalogue, *, overlaid: bool
) -> Iterator[Finding]:
    release = f"LiteLLM {assessed.release.version}" if assessed.release else assessed.asked
    nearest = "" if assessed.exact or not assessed.release else f" ({assessed.why})"
    meaning = assessment.MEANING[assessed.state]
    listed = assessment.next_steps(assessed, catalogue)
    steps = pasteable(listed)
    removal = (
        "litellm-overlay inject --remove < MANIFESTS",
        "or, in the chart: patch.enabled=false",
    )

    def finding(severity: str, topic: str, what: str, why: str, fix: str) -> Finding:
        return Finding(workload.qualified_name, severity, topic, what, why, fix)

    if assessed.state in assessment.NEEDS_OVERLAY and not overlaid:
        what = f"{release} {_UNPATCHED[assessed.state]} and has no overlay{nearest}"
        yield finding(
            "error", assessed.state, what, meaning, _inject(workload, assessed, catalogue)
        )
    elif assessed.release and assessed.state == "malicious":
        why = f"{meaning} {assessment.malware_notice(assessed.release)}"
        yield finding("error", "malicious", f"{release} is malware{nearest}", why, steps)
    elif assessed.state == "unknown":
        what = f"which LiteLLM {release} holds is not known: {assessed.why}"
        if overlaid:
            why = "the guard looks at the file in the pod and refuses what it does not know"
            yield finding("note", "unknown-release", what, why, steps)
        else:
            why = "it may be affected: 1.82.1 to 1.88.6 refuse Codex's WebSocket handshake"
            yield finding("warning", "unknown-release", what, why, steps)
    elif assessed.release and assessed.state == UNREVIEWED:
        why = f"{meaning} Its report: litellm-overlay status" if overlaid else meaning
        yield finding(
            "note",
            UNREVIEWED,
            assessment.newer_release_warning(assessed.release, catalogue) + nearest,
            why,
            steps,
        )
    elif assessed.state == "fixed" and overlaid:
        what = f"{release} has upstream's fix: it needs no overlay for the handshake{nearest}"
        yield finding("note", "fixed", what, meaning, pasteable([*listed, *removal]))
    elif assessed.state == "no-endpoint" and overlaid:
        what = f"{release} has no Responses WebSocket endpoint, yet there is an overlay{nearest}"
        why = "the guard refuses such a file, so the pod does not start"
        yield finding("error", "no-endpoint", what, why, pasteable(removal))
    elif assessed.state == "no-endpoint":
        yield finding("note", "no-endpoint", f"{release} has no endpoint{nearest}", meaning, steps)


def _inject(workload: Workload, assessed: Assessment, catalogue: Catalogue) -> str:
    """Return the command that adds the overlay, with the options that `inject` will need."""
    proxies = [each for each in workload.template.litellm_containers if not is_worker(each)]
    paths = (
        [it.path for it in catalogue.paths_of(assessed.release.version)] if assessed.release else []
    )
    options = []
    if not any(map(runs_litellm, proxies)):  # an option of doctor named the proxy
        kind, called = (
            string_at(workload.item, "kind"),
            string_at(workload.item, "metadata", "name"),
        )
        options.append(f"--workload {shell_word(f'{kind}/{called}')}")
    if len(proxies) > 1:
        options.append("--container NAME")
    steps = []
    if len(paths) > 1:
        options.append("--module-path PATH")
        steps += [f"kubectl exec POD --container NAME -- ls {' '.join(paths)}"]
        steps += ["the one that is there is PATH:"]
    return pasteable([*steps, " ".join(["litellm-overlay inject", *options, "< MANIFESTS"])])


def _advisories(workload: Workload, release: Release, catalogue: Catalogue) -> Finding:
    ids = ", ".join(item.id for item in release.advisories)
    free = catalogue.release(max((a.fixed_in for a in release.advisories), key=Version)).version
    better = catalogue.newest_affected if release.state == "affected" else free
    return Finding(
        workload.qualified_name,
        "warning",
        "advisories",
        f"LiteLLM {release.version} has known vulnerabilities: {ids}",
        "the overlay fixes none of them",
        f"# run LiteLLM {better} instead; what they are:\n"
        f"litellm-overlay releases {release.version}",
    )


def _what_serves(workload: Workload) -> str:
    """Return a clause on whether old pods serve while a new one does not start."""
    why = replacement.outage_reason(workload.item)
    return f"nothing serves in its place: {why}" if why else "older ones serve on"


def _waiting(pod: Object, serves: str) -> Iterator[Finding]:
    for name, reason, message in pods.waiting(pod):
        if reason in _STUCK:
            yield Finding(
                qualified_name(pod),
                "error",
                "pod-waiting",
                f"container {name} waits: {reason}: {message or 'no more is said'}",
                f"the pod does not start; {serves}",
                f"kubectl describe {_where(pod)}",
            )


def _where(pod: Object) -> str:
    namespace = at(pod, "metadata", "namespace")
    inside = f"--namespace {shell_word(namespace)} " if namespace else ""
    return f"{inside}pod/{shell_word(at(pod, 'metadata', 'name'))}"
