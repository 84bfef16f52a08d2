"""Preview a cluster with manifests applied to it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.objects.access import mapping, name, namespace, string_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.objects.access import Object


def merge_objects(there: Sequence[Object], manifests: Sequence[Object]) -> list[Object]:
    """Return a cluster's objects as they would be with these manifests applied.

    A manifest replaces the object of its kind, name and namespace. Without a namespace it replaces
    those in any, and gets the cluster's namespace if all objects are in one. All else stays, pods
    too: they show what runs now.
    """
    fresh = {(string_at(item, "kind"), name(item)): item for item in manifests}
    homes = {namespace(item) for item in manifests}

    def is_replaced(item: Object) -> bool:
        other = fresh.get((string_at(item, "kind"), name(item)))
        return other is not None and namespace(other) in {None, namespace(item)}

    merged = [item for item in there if not is_replaced(item)]
    alone = {namespace(item) for item in there if namespace(item)} if None in homes else set()
    home = alone.pop() if len(alone) == 1 else None
    placed = [
        {**item, "metadata": {**mapping(item, "metadata"), "namespace": home}}
        if home and namespace(item) is None
        else item
        for item in manifests
    ]
    return [*merged, *placed]
