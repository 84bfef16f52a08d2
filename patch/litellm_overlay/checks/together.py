"""Preview a cluster with manifests applied to it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.objects.access import mapping, name, namespace, string_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.objects.access import Object


def merge_objects(there: Sequence[Object], manifests: Sequence[Object]) -> list[Object]:
    """Return a cluster's objects as they would be with these manifests applied.

    A manifest replaces the object of the same kind, name and namespace. A manifest without a
    namespace replaces those of its kind and name in every namespace; if all objects of the cluster
    share one namespace, it gets that one. All else stays, pods too: they show what runs now.
    """
    applied = {(string_at(item, "kind"), name(item), namespace(item)) for item in manifests}

    def is_replaced(item: Object) -> bool:
        key = string_at(item, "kind"), name(item)
        return (*key, namespace(item)) in applied or (*key, None) in applied

    merged = [item for item in there if not is_replaced(item)]
    homes = {namespace(item) for item in there if namespace(item)}
    home = homes.pop() if len(homes) == 1 else None
    placed = [
        {**item, "metadata": {**mapping(item, "metadata"), "namespace": home}}
        if home and namespace(item) is None
        else item
        for item in manifests
    ]
    return [*merged, *placed]
