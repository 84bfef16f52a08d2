"""Recognise LiteLLM's proxy by other signs than the usual name of its image. Pure.

A sign is half a sentence for messages, which begins with "its". A sign alone never causes a patch.
It is reported, and `--container` may choose a container in a workload that has one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from litellm_overlay.objects.access import int_at, items, mapping, string_at, string_list_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from litellm_overlay.objects.access import Object
    from litellm_overlay.objects.workloads import PodTemplate

_PORT = 4000
_PROGRAM = re.compile(r"(?:\S*/)?litellm|litellm\.proxy\S*")
# Words that name another product in the last part of an image's name.
_PRODUCTS = (
    "postgres postgresql pgbouncer pgvector pgadmin mysql mariadb mongo mongodb redis valkey keydb "
    "dragonfly memcached rabbitmq kafka nginx haproxy envoy traefik caddy prometheus grafana "
    "exporter otel opentelemetry fluentd fluentbit keycloak"
)
# Words that do so only if LiteLLM is not named: litellm-alpine is LiteLLM.
_MAYBE = (
    "busybox alpine ubuntu debian cloudnative nats httpd apache alertmanager loki jaeger vector "
    "vault minio oauth2 adminer backup"
)
_UNFILLED = re.compile(r"[$][{(A-Z_]|\{\{|\}\}|^\s*$|<[^>]+>")
_PRODUCT, _MAYBE_PRODUCT = (
    re.compile(rf"(?:^|[^a-z0-9])(?:{'|'.join(words_.split())})(?:[^a-z]|$)")
    for words_ in (_PRODUCTS, _MAYBE)
)
_CONFIG = re.compile(r"model_list|litellm_(?:params|settings)")
# Values of LITELLM_JOB_ROLE for processes that answer requests.
_SERVING = {"", "serving", "all", "proxy", "gateway"}


def names_litellm(text: str) -> bool:
    """Say whether a text contains LiteLLM's name, in any case and with any separators."""
    return "litellm" in re.sub(r"[\s_.-]", "", text.lower())


def last_part(reference: str) -> str:
    """Return the last part of an image's name in lower case, without tag and digest.

    Any text is accepted, not only a valid image reference.
    """
    return re.sub(r"[:@].*", "", reference.partition("@")[0].rpartition("/")[2]).lower()


def is_other_product(reference: str) -> bool:
    """Say whether an image is named like another product: a database, a cache, a gateway."""
    name = last_part(reference)
    if names_litellm(name):
        return bool(_PRODUCT.search(name))
    return bool(_PRODUCT.search(name) or _MAYBE_PRODUCT.search(name))


def is_worker(container: Object) -> bool:
    """Say whether a container runs LiteLLM's background jobs, and answers no request."""
    role = next(
        (string_at(each, "value") for each in items(container, "env") if _is_role(each)),
        "",
    )
    return role.strip().lower() not in _SERVING


def is_config(config_map: Object) -> bool:
    """Say whether a ConfigMap holds a configuration of LiteLLM."""
    texts = (each for each in mapping(config_map, "data").values() if isinstance(each, str))
    return any(len(set(_CONFIG.findall(each))) > 1 for each in texts)


def find_evidence(template: PodTemplate, configs: Collection[str] = ()) -> str:
    """Return why a pod template looks like LiteLLM's proxy, "" where it does not.

    `configs` are the names of ConfigMaps with a configuration of LiteLLM.
    """
    evidence = (container_evidence(each, template, configs) for each in template.containers)
    sidecars = (
        f"its init container {string_at(each, 'name')} keeps running, and {what}"
        for each in template.init_containers
        if each.get("restartPolicy") == "Always"
        and (what := container_evidence(each, template, configs))
        and not is_worker(each)
    )
    return next(filter(None, (*evidence, *sidecars)), "")


def container_evidence(container: Object, template: PodTemplate, configs: Collection[str]) -> str:
    """Return why a container looks like LiteLLM's proxy, "" where it does not."""
    reference = str(container.get("image") or "")
    if is_other_product(reference):
        return ""
    empty = f"its image, {reference.strip() or 'which is empty'}, is not filled in"
    unfilled = bool(_UNFILLED.search(reference))
    if names_litellm(reference):
        return empty if unfilled else f"its image is {reference}"
    command = [*string_list_at(container, "command"), *string_list_at(container, "args")]
    started = [part for each in command for part in re.split(r"[\s=;&|]+", each)]
    ours = _mentions(container, template, command, configs)
    ports = (int_at(each, "containerPort") for each in items(container, "ports"))
    port = _PORT in ports or ("--port" in started and str(_PORT) in started)
    config = "--config" in started
    signs = (
        (any(map(_PROGRAM.fullmatch, started)), "its command runs litellm"),
        (config and (port or ours), "its arguments have --config"),
        (port and ours, f"its port is {_PORT}, and it has a configuration of LiteLLM"),
        (unfilled and (ours or port or config), empty),
    )
    return next((what for there, what in signs if there), "")


def _mentions(
    container: Object, template: PodTemplate, command: list[str], configs: Collection[str]
) -> bool:
    """Say whether a container's command, environment or volumes mention LiteLLM.

    A volume of the pod from a ConfigMap in `configs` counts, too. Labels do not.
    """
    settings = [
        command,
        container.get("env"),
        container.get("envFrom"),
        template.spec.get("volumes"),
    ]
    texts = json.dumps([*settings, container.get("volumeMounts")], default=str)
    return names_litellm(texts) or bool({*_config_maps(template)} & set(configs))


def _is_role(variable: Object) -> bool:
    return variable.get("name") == "LITELLM_JOB_ROLE"


def _config_maps(template: PodTemplate) -> Iterator[str]:
    for volume in items(template.spec, "volumes"):
        yield string_at(volume, "configMap", "name")


def configs(objects: Iterable[Object]) -> set[str]:
    """Return the names of the ConfigMaps that hold a configuration of LiteLLM."""
    return {
        string_at(item, "metadata", "name")
        for item in objects
        if string_at(item, "kind") == "ConfigMap" and is_config(item)
    }
