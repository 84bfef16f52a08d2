"""Check whether new pods are admitted, and whether old pods serve until they are ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.checks.finding import AGAIN, Finding, join_names
from litellm_overlay.objects import replacement
from litellm_overlay.objects.access import Object, at, name, namespace, string_at, string_list_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.checks.world import Workload, World

_SCC = "SecurityContextConstraints"
_OURS = {"configMap", "emptyDir"}  # the kinds of our two volumes
_PASSTHROUGH = """\
litellm-overlay inject --on-unknown passthrough < MANIFESTS
# with the options you had; a proxy whose endpoints.py is not known starts then, unpatched
# or try the image on a copy of the workload first"""
_ADMITTED = "openshift.io/scc"  # annotation of a pod: the SCC that admitted it


def check_outage_risk(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield a finding if no old pod serves while a new one starts."""
    del world, catalogue
    why = replacement.outage_reason(workload.item)
    if not (workload.template.guard and why) or string_at(workload.item, "kind") == "Pod":
        return
    yield Finding(
        workload.qualified_name,
        "note" if workload.template.guard_plan.get("onUnknown") == "passthrough" else "warning",
        "outage",
        f"no old pod serves while a new one starts: {why}",
        "should the guard refuse the image, or the cluster the pod, the proxy is down until that "
        "is fixed",
        _PASSTHROUGH,
    )


def check_security_constraints(
    world: World, workload: Workload, catalogue: Catalogue
) -> Iterator[Finding]:
    """Yield findings for OpenShift's SCCs that would not admit the pod with the overlay."""
    del catalogue
    guard = workload.template.guard
    if not guard:
        return
    constraints = list(_constraints(world, workload))
    if _adds_seccomp(workload, guard):
        forbidding = [
            name(each) for each in constraints if not string_list_at(each, "seccompProfiles")
        ]
        if forbidding:
            yield Finding(
                workload.qualified_name,
                "warning",
                "scc-seccomp",
                "the init container sets a seccompProfile, which neither pod nor proxy has; the "
                f"SCC {join_names(forbidding)} has no seccompProfiles",
                "such an SCC does not admit a pod that sets one",
                AGAIN,
            )
    narrow = [
        name(each)
        for each in constraints
        if (allowed := string_list_at(each, "volumes"))
        and not ({"*"} & {*allowed} or {*allowed} >= _OURS)
    ]
    if narrow:
        yield Finding(
            workload.qualified_name,
            "warning",
            "scc-volumes",
            f"the SCC {join_names(narrow)} does not allow volumes of both kinds that the "
            "overlay has",
            "such an SCC does not admit the pod",
            f"allow {join_names(sorted(_OURS))} in it, or give the service account another SCC",
        )


def _adds_seccomp(workload: Workload, guard: Object) -> bool:
    """Say whether the guard sets a seccomp profile that nothing else in the pod has."""
    profiles = [workload.template.spec, *workload.template.proxies]
    others = any(at(each, "securityContext", "seccompProfile") for each in profiles)
    return bool(at(guard, "securityContext", "seccompProfile")) and not others


def _constraints(world: World, workload: Workload) -> Iterator[Object]:
    """Yield the SCCs that admitted a workload's pods, and those for its service account."""
    admitted = {
        string_at(pod, "metadata", "annotations", _ADMITTED) for pod in world.pods_of(workload)
    }
    account = string_at(workload.template.spec, "serviceAccountName") or "default"
    for each in world.of_kind(_SCC):
        if name(each) in admitted or _is_for(each, account, namespace(workload.item)):
            yield each


def _is_for(constraints: Object, account: str, home: str | None) -> bool:
    start, end = "system:serviceaccount:", f":{account}"
    users = string_list_at(constraints, "users")
    mine = any(
        user.startswith(start)
        and user.endswith(end)
        and (not home or user == f"{start}{home}{end}")
        for user in users
    )
    groups = {"system:authenticated", "system:serviceaccounts", f"{start[:-1]}s:{home}"}
    return mine or bool(groups & {*string_list_at(constraints, "groups")})
