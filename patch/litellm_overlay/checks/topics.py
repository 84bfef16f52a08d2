"""The topics of `doctor`'s findings, and how an operator ignores some of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.errors import ValuesError
from litellm_overlay.objects.access import annotations_of, qualified_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from litellm_overlay.checks.finding import Finding
    from litellm_overlay.objects.access import Object

TOPICS = {
    "affected": "LiteLLM refuses Codex's handshake, and there is no overlay",
    "handshake-fixed": "LiteLLM 1.89: Codex connects and can hang, and there is no overlay",
    "malicious": "the release is malware",
    "advisories": "the release has known vulnerabilities",
    "unknown-release": "the image's tag does not tell the release",
    "fixed": "the release needs no overlay for the handshake, and has one",
    "no-endpoint": "the release has nothing to patch",
    "unreviewed": "the release is newer than this tool's catalogue",
    "refused": "a guard has refused to let its pod start",
    "passthrough": "a guard has left an unknown file as it was",
    "report-unreadable": "a guard has ended without a report that can be read",
    "pod-waiting": "a container of a proxy's pod waits",
    "two-images": "init container and proxy run different images",
    "no-init-container": "the mount is there, the init container is not",
    "no-mount": "the init container is there, the mount is not",
    "no-subpath": "the mount is of the whole volume, and not of its one file",
    "foreign-init-container": "an init container has our name and is not ours",
    "init-not-first": "other init containers run before ours",
    "other-image": "init container and proxy name different images",
    "ephemeral-storage": "a limit of the init container holds the whole pod",
    "module-path": "the file is mounted where LiteLLM does not read it",
    "module-hidden": "another mount hides the patched file",
    "two-proxies": "several containers of a pod run LiteLLM, and not all are patched",
    "payload-missing": "the payload's ConfigMap is not there",
    "outage": "a refusal of the guard would stop the service",
    "scc-seccomp": "an SCC of OpenShift forbids the pod's seccomp profile",
    "scc-volumes": "an SCC of OpenShift forbids the pod's volumes",
    "no-drain": "nothing lets running sessions end before a pod does",
    "one-replica": "one replica, and it does not drain",
    "short-grace": "the pod is killed before its drain is over",
    "ingress-nginx": "a limit of ingress-nginx",
    "ingress-f5": "a limit of F5's NGINX, or a Service that it is not told of",
    "ingress-haproxy": "a limit of HAProxy",
    "ingress-alb": "a limit of an AWS load balancer",
    "ingress-traefik": "Traefik, whose limits are not in the cluster's objects",
    "ingress-unknown": "an Ingress whose controller is not known",
    "openshift-route": "a limit of a Route of OpenShift",
    "gke-timeout": "a limit of GKE's load balancer",
    "route-timeout": "a limit of an HTTPRoute",
    "envoy-timeout": "a limit of Envoy Gateway",
    "istio-timeout": "a limit of a VirtualService",
    "istio-h2": "Istio makes connections HTTP/2",
}
ANNOTATION = "litellm-overlay/ignore"
_ALWAYS = {"malicious"}


def parse_patterns(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return (object, topic) pairs of texts like TOPIC or KIND/NAME:TOPIC; "" is any object.

    Raises ValuesError for a topic that is unknown or cannot be ignored.
    """
    parsed = []
    for text in texts:
        where, _, topic = text.rpartition(":")
        if topic not in TOPICS or topic in _ALWAYS:
            raise ValuesError(
                f"{topic!r} is no topic that can be ignored", "litellm-overlay doctor --topics"
            )
        parsed.append((where, topic))
    return parsed


def split_ignored(
    findings: Sequence[Finding], objects: Iterable[Object], ignored: Iterable[tuple[str, str]]
) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that count, and those that options or annotations ignore."""
    own = {
        qualified_name(item): {word.strip() for word in str(annotation).split(",")}
        for item in objects
        if (annotation := annotations_of(item).get(ANNOTATION))
    }
    patterns = list(ignored)

    def is_ignored(item: Finding) -> bool:
        named = any(
            topic == item.topic and (not where or _is_same_object(item.object, where))
            for where, topic in patterns
        )
        return item.topic not in _ALWAYS and (named or item.topic in own.get(item.object, ()))

    out = [item for item in findings if is_ignored(item)]
    return [item for item in findings if item not in out], out


def _is_same_object(qualified_name: str, where: str) -> bool:
    """Say whether `where`, with or without a namespace, names an object. Case does not matter."""
    kind, *_, name = qualified_name.split("/")
    return where.lower() in {qualified_name.lower(), f"{kind}/{name}".lower()}
