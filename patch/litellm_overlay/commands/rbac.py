"""`--rbac`: print the RBAC objects that grant what a verb needs, for `kubectl apply`."""

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
    """Return RBAC rules that allow verbs on kinds, one rule per API group.

    A kind may be a subresource, such as "pods/exec". `names` limits the rules to these objects.
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
    """Return RBAC objects in YAML, for one namespace or for all.

    The rules `everywhere` apply to all namespaces in either case. No cluster is read, so the
    namespace defaults to "default". The ServiceAccount is an example.
    """
    name = f"litellm-overlay-{verb}"
    account = {"name": name, "namespace": target.namespace or "default"}
    objects = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}]
    if target.all_namespaces:
        objects += _role("ClusterRole", {"name": name}, [*rules, *everywhere], account)
        return yaml.safe_dump_all(objects, sort_keys=False)
    objects += _role("Role", account, rules, account)
    if everywhere:  # the name includes the namespace: others may have their own
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
