"""A payload of three small files, so that goldens show a payload's shape and not a patch's code."""

from __future__ import annotations

from litellm_overlay.catalogue import patch_files, releases
from litellm_overlay.names import PAYLOAD_LABELS
from litellm_overlay.overlay.payload import Item, Payload
from litellm_overlay.overlay.plan import Planner

FILES = {
    "endpoint_patch/__init__.py": "",
    "endpoint_patch/__main__.py": '"""Read."""\n\nprint("it\'s #1")\n',
    "endpoint_patch/versions/v{}/inserted/bridge.py": "text = f'{1}'  # {braces}\n",
}


def planner(given):
    """Return the planner of some values, with these small payloads."""
    catalogue = releases.load()
    return Planner(given, catalogue, small(given.name, catalogue))


def small(name, known):
    """Return a small payload for each patch version; every digest is 0123…."""
    return tuple(
        Payload(
            name=f"{name}-{version}-0123456789ab",
            version=version,
            digest="0123456789abcdef" * 4,
            items=tuple(
                Item(path.replace("/", "."), path, text)
                for path, text in (
                    (path.replace("{}", version.replace(".", "_")), text)
                    for path, text in FILES.items()
                )
            ),
            proof=patch_files.proof(version),
            labels={**PAYLOAD_LABELS, "app.kubernetes.io/version": version},
        )
        for version in sorted(known.patch_versions)
    )
