"""`--rbac`: the rights that a verb needs, as objects that `kubectl apply` takes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import click
import yaml

from litellm_overlay.objects import kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from litellm_overlay.commands.cluster_options import ClusterTarget

Rule = dict[str, Any]

_API = "rbac.authorization.k8s.io"

rbac_option = click.option(
    "--rbac", is_flag=True, help="Print the rights that this verb needs, and do no more."
)


def rules_for(verbs: Sequence[str], on: Iterable[str], names: Sequence[str] = ()) -> list[Rule]:
    """Return the rules that allow verbs on kinds, one for each API group.

    Subresources such as "pods/exec" are kinds, too. If there are `names`, it is for these alone.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for kind in on:
        groups[kinds.group(kind)].append(kinds.plural(kind))
    named = {"resourceNames": [*names]} if names else {}
    return [
        {"apiGroups": [group], "resources": sorted(plurals), "verbs": [*verbs], **named}
        for group, plurals in sorted(groups.items())
    ]


def rbac_manifest(
    verb: str, target: ClusterTarget, rules: Sequence[Rule], everywhere: Sequence[Rule] = ()
) -> str:
    """Return RBAC objects in YAML, for one namespace or all; `everywhere` are for all in any case.

    No cluster is asked, so without a namespace it is "default". The ServiceAccount is an example.
    """
    name = f"litellm-overlay-{verb}"
    account = {"name": name, "namespace": target.namespace or "default"}
    objects = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}]
    if target.all_namespaces:
        objects += _role("ClusterRole", {"name": name}, [*rules, *everywhere], account)
        return yaml.safe_dump_all(objects, sort_keys=False)
    objects += _role("Role", account, rules, account)
    if everywhere:  # named for the namespace, since another may have an account of its own
        metadata = {"name": f"{name}-{account['namespace']}"}
        objects += _role("ClusterRole", metadata, everywhere, account)
    return yaml.safe_dump_all(objects, sort_keys=False)


def _role(
    kind: str, metadata: dict[str, str], rules: Sequence[Rule], account: dict[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": f"{_API}/v1",
            "kind": kind,
            "metadata": {**metadata},
            "rules": [*rules],
        },
        {
            "apiVersion": f"{_API}/v1",
            "kind": f"{kind}Binding",
            "metadata": {**metadata},
            "roleRef": {"apiGroup": _API, "kind": kind, "name": metadata["name"]},
            "subjects": [{"kind": "ServiceAccount", **account}],
        },
    ]
