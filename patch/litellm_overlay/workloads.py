"""Find the proxies in a stream of manifests. Documents stay text, so that none is rewritten."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from litellm_overlay import images
from litellm_overlay.errors import OverlayError
from litellm_overlay.plan import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Kinds that keep pods running. A Job that runs the same image (migrations) is none of them.
KINDS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Rollout"}
_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A pod template with a proxy in it: the path of keys and indices to it, and what it is."""

    where: Path
    title: str
    namespace: str | None
    mounts: tuple[dict[str, Any], ...]
    proxy: Proxy


def documents(text: str) -> list[str]:
    """Split a stream before each "---"; the parts make up the stream."""
    starts = [match.start() for match in _MARKER.finditer(text)]
    bounds = sorted({0, *starts, len(text)})
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


def join(before: str, parts: Sequence[str]) -> str:
    """Join documents; the first has a "---" if, and only if, the stream began with one."""
    if not parts:
        return ""
    rest = [
        item if item.startswith("---") or number == 0 else f"---\n{item}"
        for number, item in enumerate(parts)
    ]
    marked = before.startswith("---")
    if not marked and rest[0].startswith("---\n"):
        rest[0] = rest[0].removeprefix("---\n")
    # A last document without line feed must not swallow the next one's marker.
    ended = [item if item.endswith("\n") else f"{item}\n" for item in rest[:-1]]
    return "".join([*ended, rest[-1]])


def _load(document: str) -> object:
    try:
        return yaml.safe_load(document)
    except yaml.YAMLError as error:
        raise OverlayError(
            f"a document is not YAML: {' '.join(str(error).split())}",
            "inject reads rendered manifests, not templates",
        ) from error


def objects(document: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every object of a document with its path; those of a List one by one."""
    data = _load(document)
    if not isinstance(data, dict):
        return
    if str(data.get("kind", "")).endswith("List") and isinstance(data.get("items"), list):
        for number, item in enumerate(data["items"]):
            if isinstance(item, dict):
                yield ("items", number), item
    else:
        yield (), data


def templates(
    document: str,
) -> Iterator[tuple[Path, dict[str, Any], dict[str, Any]]]:
    """Yield path, object and pod template of everything that keeps pods running."""
    if "containers" not in document:  # saves the time to read CustomResourceDefinitions
        return
    for where, item in objects(document):
        metadata = item.get("metadata") or {}
        if item.get("kind") in KINDS:
            template = (item.get("spec") or {}).get("template")
            path = (*where, "spec", "template")
        elif item.get("kind") == "Pod" and "helm.sh/hook" not in (
            metadata.get("annotations") or {}
        ):
            template, path = item, where
        else:
            continue
        if isinstance(template, dict) and isinstance(template.get("spec"), dict):
            yield path, item, template


def proxies(document: str, container: str | None) -> Iterator[Found]:
    """Yield a document's proxies: containers of that name, else those of LiteLLM's image."""
    for where, item, template in templates(document):
        pod, metadata = template["spec"], item.get("metadata") or {}
        title = f"{item['kind']}/{metadata.get('name', '')}"
        candidates = [
            each
            for each in pod.get("containers") or []
            if isinstance(each, dict)
            and (each.get("name") == container if container else runs_litellm(each))
        ]
        if len(candidates) > 1:
            names = ", ".join(str(each.get("name")) for each in candidates)
            raise OverlayError(
                f"{title} runs LiteLLM's image in several containers: {names}",
                "say which one is the proxy: --container NAME",
            )
        for each in candidates:
            if not (each.get("name") and each.get("image")):
                raise OverlayError(
                    f"{title}: a container has no name or no image",
                    "inject reads whole manifests, not patches",
                )
            proxy = Proxy(
                container=each["name"],
                image=each["image"],
                pull_policy=each.get("imagePullPolicy"),
                env=tuple(each.get("env") or ()),
                security_context=each.get("securityContext") or {},
                pod_security_context=pod.get("securityContext") or {},
            )
            yield Found(
                where,
                title,
                metadata.get("namespace"),
                tuple(each.get("volumeMounts") or ()),
                proxy,
            )


def runs_litellm(container: dict[str, Any]) -> bool:
    """Say whether a container's image is named like LiteLLM's proxy."""
    try:
        return images.is_proxy(images.parse(str(container.get("image"))))
    except ValueError:
        return False
