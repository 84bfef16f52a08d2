"""`litellm-overlay doctor`: find what is wrong with proxies and the way to them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml
from rich.console import Console
from rich.text import Text

from litellm_overlay import catalogue, checks, codex, workloads
from litellm_overlay.checks import address, model
from litellm_overlay.checks.gather import KINDS, KINDS_EVERYWHERE, gather
from litellm_overlay.commands.cluster_options import check, cluster_options, connect
from litellm_overlay.commands.overlay_options import FILE, read_text
from litellm_overlay.commands.rbac import may, rbac_option, rights
from litellm_overlay.errors import OverlayError, ValuesError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.checks import Finding
    from litellm_overlay.checks.model import Object, World

STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


@click.command()
@click.argument("manifests", type=FILE, default=Path("-"))
@click.option("--from-cluster", is_flag=True, help="Read a live cluster instead of manifests.")
@cluster_options
@click.option("--strict", is_flag=True, help="Exit with 5 for warnings and notes, too.")
@click.option("--model", default="gpt-5.4", show_default=True, help="For Codex's configuration.")
@rbac_option
@click.option(
    "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True
)
def doctor(
    manifests: Path,
    from_cluster: bool,
    all_namespaces: bool,
    namespace: str | None,
    context: str | None,
    kubeconfig: Path | None,
    timeout: float,
    strict: bool,
    model: str,
    rbac: bool,
    output: str,
) -> None:
    """Find what is wrong with LiteLLM proxies, with their overlay and with the way to them.

    MANIFESTS is a file, by default stdin: rendered manifests, or what kubectl get prints as YAML or
    JSON. The more is in it the more is seen: workloads, Services, Ingresses and routes, ConfigMaps,
    and Pods for what the guard decided. Each finding says what, why it matters and how to mend it.
    Then comes the configuration for Codex. Nothing is changed; only --from-cluster, and the options
    from --all-namespaces to --timeout with it, use the network. Of the rights that --rbac prints,
    those to list workloads and pods are needed; what else may not be listed is named.

    An image's tag is only a name. If Pods are given, what the guard found in them counts instead.

    \b
    Examples:
      helm template litellm ./charts/litellm-overlay --values values.yaml | litellm-overlay doctor
      litellm-overlay doctor --from-cluster --namespace llm
      litellm-overlay doctor --rbac --namespace llm | kubectl apply --filename -
      kubectl get deploy,pods,services,ingress,configmaps --namespace llm --output json |
        litellm-overlay doctor
      litellm-overlay doctor manifests.yaml --strict --output json | jq -r '.findings[].topic'

    \b
    Exit codes: 0 no error was found; 1 nothing here runs LiteLLM; 2 usage, or unreadable
    manifests; 4 cluster unreachable or refused; 5 an error was found, or with --strict
    anything at all.
    """
    check(namespace, all_namespaces=all_namespaces)
    if rbac:
        rules = may(["list"], KINDS), may(["list"], KINDS_EVERYWHERE)
        printed = rights("doctor", *rules, namespace=namespace, all_namespaces=all_namespaces)
        click.echo(printed, nl=False)
        return
    if from_cluster:
        reach = (namespace, context, kubeconfig, timeout)
        objects = gather(*connect(*reach, all_namespaces=all_namespaces), warn)
    elif str(manifests) == "-" and sys.stdin.isatty():
        raise click.UsageError("Give manifests on stdin, the name of a file, or --from-cluster.")
    else:
        objects = read_objects(manifests)
    found = checks.findings(objects, catalogue.load())
    world = checks.read(objects)
    if not (world.workloads or found):
        raise OverlayError(
            "nothing here runs LiteLLM's proxy",
            "a proxy is known by the overlay's mount, or by an image named like LiteLLM's own",
        )
    if output == "text":
        show(found, world, model)
    else:
        said = {"findings": [asdict(item) for item in found], "codex": codex_rows(world, model)}
        click.echo(
            json.dumps(said, indent=2)
            if output == "json"
            else yaml.safe_dump(said, sort_keys=False, allow_unicode=True).rstrip()
        )
    severe = found if strict else [item for item in found if item.severity == "error"]
    if severe:
        raise VerificationError(count(found), "each finding says how to mend it")


def warn(said: str) -> None:
    """Say what could not be looked at."""
    click.echo(f"warning: {said}", err=True)


def read_objects(manifests: Path) -> list[Object]:
    """Return the objects of a stream, those of a List one by one; ValuesError if it has none."""
    try:
        text = read_text(manifests)
        found = _from_json(text) if text.lstrip().startswith("{") else None
        documents = workloads.documents(text) if found is None else [""]
        objects = found or [item for each in documents for _, item in workloads.objects(each)]
    except OverlayError as error:
        hint = "doctor reads rendered manifests, or the output of kubectl get"
        raise ValuesError(error.message, hint) from error
    if not any(item.get("kind") for item in objects):
        raise ValuesError(
            f"no Kubernetes object in {'stdin' if str(manifests) == '-' else manifests}",
            "doctor reads rendered manifests, or the output of kubectl get",
        )
    return objects


def _from_json(text: str) -> list[Object] | None:
    """Return what `kubectl get --output json` prints, many times faster than YAML would."""
    try:
        data = json.loads(text)
    except ValueError:
        return None  # YAML may begin with a brace as well
    return model.items(data, "items") if str(data.get("kind")).endswith("List") else [data]


def codex_rows(world: World, model_name: str) -> list[dict[str, Any]]:
    """Return each address with the config.toml for it."""
    return [
        {**asdict(item), "config_toml": codex.config(item.base_url, model_name)}
        for item in address.addresses(world)
    ]


def show(found: Sequence[Finding], world: World, model_name: str) -> None:
    """Print the findings by object, and Codex's configuration."""
    console = Console(highlight=False, soft_wrap=True)
    for title, group in groupby(found, lambda item: item.object):
        console.print(Text(plain(title), "bold"))
        for item in group:
            line = Text("  ").append(item.severity, STYLES[item.severity])
            console.print(line.append(f"  {plain(item.what)}  [{item.topic}]"))
            console.print(Text(f"    why: {plain(item.why)}"))
            first, *rest = plain(item.fix).splitlines() or [""]
            console.print(Text(f"    fix: {first}"))
            for each in rest:
                console.print(Text(f"         {each}"))
        console.print()
    console.print(count(found) if found else "nothing found")
    for row in codex_rows(world, model_name):
        console.print(Text(f"\n# Codex, ~/.codex/config.toml, for {row['workload']}", "bold"))
        console.print(Text(f"# (address from the {row['via']})\n{row['config_toml'].rstrip()}"))


def count(found: Sequence[Finding]) -> str:
    """Return the number of findings of each severity, as words."""
    number = Counter(item.severity for item in found)
    parts = [f"{number[it]} {it}{'s' * (number[it] != 1)}" for it in STYLES if number[it]]
    return ", ".join(parts)


def plain(text: str) -> str:
    """Return a text from a cluster without what could move a terminal's cursor."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)
