"""Names and paths that the overlay uses in Kubernetes objects and inside a pod. Pure.

The chart repeats them in charts/litellm-overlay/templates/_overlay.tpl.
"""

from __future__ import annotations

PAYLOAD_PREFIX = "litellm-overlay"  # of ConfigMap names; the operator can set another
INIT_CONTAINER = "litellm-overlay"
STOCK_CONTAINER = "litellm-overlay-stock"
PAYLOAD_VOLUME = "litellm-overlay-payload"
OUTPUT_VOLUME = "litellm-overlay-output"
PAYLOAD_PATH = "/litellm-overlay/payload"
OUTPUT_PATH = "/litellm-overlay/output"
DRAIN_VOLUME = "drain"
ADDED_DRAIN_VOLUME = "litellm-overlay-drain"  # what `inject` adds to the operator's manifests
DRAIN_PATH = "/litellm-overlay/drain"
DRAIN_FILE = f"{DRAIN_PATH}/now"
SWITCH_VOLUME = "switch"
SWITCH_PATH = "/litellm-overlay/switch"
OFF_FILE = f"{SWITCH_PATH}/off"
VERSION_ANNOTATION = "litellm-overlay/patch-version"
DRAIN_ANNOTATION = "litellm-overlay/drain"
DIGEST_ANNOTATION = "litellm-overlay/payload-digest"
PAYLOAD_LABELS = {
    "app.kubernetes.io/name": "litellm-overlay",
    "app.kubernetes.io/component": "payload",
}


def payload_name(name: str, version: str, digest: str) -> str:
    """Return the name of a patch version's ConfigMap, which ends in 12 digits of its hash."""
    return f"{name}-{version}-{digest[:12]}"
