"""Find objects whose pods another controller makes: they are reported, never patched. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_overlay.objects.access import items, mapping, name, string_at
from litellm_overlay.objects.recognition import find_evidence, is_other_product, names_litellm
from litellm_overlay.objects.workloads import PodTemplate
from litellm_overlay.printed import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.objects.access import Object

_IMAGE_KEYS = {"image", "repository", "chart", "url", "newName", "imageName", "path", "repoURL"}
_PATCH = "litellm-overlay render --format patch"
_COMPONENT = "litellm-overlay render --format kustomize --folder overlay"
_RENDER = "render the chart first: helm template … | litellm-overlay inject"
_ARGO = (
    f"add the component that `{_COMPONENT}` writes to the folder, or use a plugin "
    "that pipes the rendered manifests through litellm-overlay inject"
)
# Kind and API group ("" for any) -> why `inject` cannot reach its pods, and what to do instead.
_TOOLS: dict[tuple[str, str], tuple[str, str]] = {
    ("HelmRelease", "helm.toolkit.fluxcd.io"): (
        "Flux makes its pods from a chart",
        (
            f"put the patch that `{_PATCH}` prints into spec.postRenderers, as a kustomize patch, "
            f"and apply the payload beside it; or {_RENDER}"
        ),
    ),
    ("Kustomization", "kustomize.toolkit.fluxcd.io"): (
        "Flux makes its pods from a folder",
        f"put the component that `{_COMPONENT}` writes into that folder's kustomization.yaml",
    ),
    ("Kustomization", ""): (
        "kustomize makes its pods",
        f"{_COMPONENT}, list it below components; or: kustomize build . | litellm-overlay inject",
    ),
    ("Application", "argoproj.io"): ("Argo CD makes its pods from a chart or a folder", _ARGO),
    ("ApplicationSet", "argoproj.io"): ("Argo CD makes its pods from charts or folders", _ARGO),
    ("HelmChart", "helm.cattle.io"): ("the cluster makes its pods from a chart", _RENDER),
    ("Template", "template.openshift.io"): (
        "it is a template: its objects are not made yet",
        "process it first: oc process --filename FILE --output yaml | litellm-overlay inject",
    ),
    ("Rollout", "argoproj.io"): (
        "it takes its pods from another workload (workloadRef)",
        "inject into that workload",
    ),
}
_KNATIVE = (
    (
        "inject does not edit a Knative {kind}: Knative forbids init containers unless its feature "
        "kubernetes.podspec-init-containers is enabled"
    ),
    f"run it as a Deployment; or, with that feature, add by hand what `{_PATCH}` prints",
)
_OPERATOR = (
    "its pods are made by whatever reads a {kind}, an operator perhaps",
    (
        f"give that the parts of a pod that `{_PATCH}` prints, if it has fields for them; or take "
        "the workload as it is: kubectl get deployments --output yaml | litellm-overlay inject"
    ),
)
_COMPOSE = (
    "it is a file of Docker Compose, no Kubernetes object",
    (
        "inject serves Kubernetes; with compose, choose a LiteLLM that needs no overlay: "
        "litellm-overlay releases"
    ),
)
_NO_KIND = (
    "it has no kind, so it is no Kubernetes object",
    f"{_RENDER}; values of the overlay are given with --values",
)
# Kinds that create no pods, even if they mention LiteLLM.
_PASSIVE_KINDS = """
ConfigMap Secret Service ServiceAccount Ingress IngressClass NetworkPolicy Role RoleBinding
ClusterRole ClusterRoleBinding PersistentVolumeClaim PersistentVolume StorageClass Namespace
HorizontalPodAutoscaler PodDisruptionBudget VerticalPodAutoscaler CustomResourceDefinition
ServiceMonitor PodMonitor PrometheusRule HTTPRoute Gateway GRPCRoute TCPRoute VirtualService
DestinationRule Route Certificate Issuer ExternalSecret SecretStore SealedSecret Event
Endpoints EndpointSlice ResourceQuota LimitRange Lease PriorityClass APIService Node
SecurityContextConstraints GitRepository OCIRepository HelmRepository Bucket Policy
ClusterPolicy ScaledObject ControllerRevision ImageStream ImageStreamTag Build BuildConfig
IngressRoute Middleware BackendConfig BackendTrafficPolicy GCPBackendPolicy
"""
_PASSIVE = set(_PASSIVE_KINDS.split())
_RUNS = re.compile(r"(?i)litellm.*(proxy|instance|cluster|deployment|gateway|server)|^litellm$")


def explain_unreachable(item: Object) -> tuple[str, str] | None:
    """Return why `inject` cannot reach an object's pods, and the next step; None for no proxy."""
    kind, group = string_at(item, "kind"), string_at(item, "apiVersion").rpartition("/")[0]
    if group.endswith("knative.dev") and kind in {"Service", "Configuration", "Revision"}:
        template = PodTemplate(mapping(item, "spec", "template") or item)
        reason, hint = _KNATIVE
        return (
            (reason.format(kind=kind), hint)
            if template.litellm_containers or find_evidence(template)
            else None
        )
    if not kind or kind in _PASSIVE:
        return None if kind else _without_kind(item)
    tool = _tool(item, kind, group)
    if kind == "Rollout" and tool:
        return _rollout(item, tool)
    if tool:
        return tool if _is_about_litellm(item) else None
    runs = _RUNS.search(kind) or any(map(names_litellm, _images(item)))
    return (_OPERATOR[0].format(kind=kind), _OPERATOR[1]) if runs else None


def _tool(item: Object, kind: str, group: str) -> tuple[str, str] | None:
    if kind == "Template" and isinstance(item.get("objects"), list):
        group = "template.openshift.io"
    if kind == "Kustomization" and (kind, group) not in _TOOLS:
        group = ""
    return _TOOLS.get((kind, group))


def _without_kind(item: Object) -> tuple[str, str] | None:
    services = mapping(item, "services")
    if any(names_litellm(string_at(each, "image")) for each in services.values()):
        return _COMPOSE
    if isinstance(item.get("resources"), list) and _is_about_litellm(item):
        return _TOOLS["Kustomization", ""]
    return _NO_KIND if any(map(names_litellm, _images(item))) else None


def referenced_workload(item: Object) -> str:
    """Return "Kind/name" of the workload whose pod template a Rollout uses, "" for none."""
    reference = mapping(item, "spec", "workloadRef")
    return f"{string_at(reference, 'kind')}/{string_at(reference, 'name')}" if reference else ""


def _rollout(item: Object, tool: tuple[str, str]) -> tuple[str, str] | None:
    target = referenced_workload(item)
    if not target or not (names_litellm(target) or names_litellm(name(item))):
        return None
    return tool[0].replace("workloadRef", target), f"{tool[1]}: --workload {shell_word(target)}"


def _is_about_litellm(item: Object) -> bool:
    spec = mapping(item, "spec")
    named = (
        name(item),
        string_at(spec, "releaseName"),
        string_at(spec, "chart"),
        string_at(spec, "chartRef", "name"),
    )
    if any(names_litellm(each) and not is_other_product(each) for each in named):
        return True
    if items(item, "objects") or "Kustomiz" in string_at(item, "kind") or "resources" in item:
        return any(map(names_litellm, _texts(item)))
    return any(names_litellm(each) and not is_other_product(each) for each in _images(item))


def _images(value: object) -> Iterator[str]:
    """Yield each text, at any depth, whose key names an image, a chart or their source."""
    for key, text in _pairs(value):
        if key in _IMAGE_KEYS:
            yield text


def _texts(value: object) -> Iterator[str]:
    return (text for _, text in _pairs(value))


def _pairs(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name_, inner in value.items():
            yield from _pairs(inner, str(name_))
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner, key)
