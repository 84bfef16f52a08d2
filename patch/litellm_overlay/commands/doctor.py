"""`litellm-overlay doctor`: find faults of proxies and of the network path to them."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from litellm_overlay import camel_case, checks
from litellm_overlay.catalogue import releases
from litellm_overlay.checks import address
from litellm_overlay.checks.finding import SEVERITIES
from litellm_overlay.checks.near import describe_near_misses
from litellm_overlay.checks.together import merge_objects
from litellm_overlay.checks.topics import TOPICS, parse_patterns, split_ignored
from litellm_overlay.cluster.gather import KINDS, KINDS_EVERYWHERE, read_cluster
from litellm_overlay.commands.cluster_options import cluster_options
from litellm_overlay.commands.manifest_options import manifest_options
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.commands.rbac import rbac_manifest, rbac_option, rules_for
from litellm_overlay.errors import OverlayError, ValuesError, VerificationError
from litellm_overlay.objects import yaml_tree
from litellm_overlay.objects.access import items
from litellm_overlay.objects.manifests import documents, objects
from litellm_overlay.printed import sanitize
from litellm_overlay.responses import codex_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_overlay.checks import Finding
    from litellm_overlay.checks.world import World
    from litellm_overlay.commands.cluster_options import ClusterTarget
    from litellm_overlay.commands.manifest_options import Manifests
    from litellm_overlay.objects.access import Object

STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


@click.command()
@manifest_options
@click.option("--from-cluster", is_flag=True, help="Read a live cluster instead of manifests.")
@cluster_options
@click.option(
    "--container",
    metavar="NAME",
    help="The proxy's container, in workloads that look like LiteLLM; several with commas.",
)
@click.option(
    "--image-name",
    default="",
    metavar="NAME",
    help="An image whose name ends in this is LiteLLM's proxy, too; with * in it.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="[KIND/NAME:]TOPIC",
    help="Leave this out, as the annotation litellm-overlay/ignore does. Several times.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    default="error",
    show_default=True,
    help="From which severity on the exit code is 5.",
)
@click.option("--strict", is_flag=True, help="The same as --fail-on note.")
@click.option("--topics", is_flag=True, help="Print what is looked for, and do no more.")
@click.option("--model", default="gpt-5.4", show_default=True, help="For Codex's configuration.")
@rbac_option
@output_option()
def doctor(
    manifests: Manifests,
    from_cluster: bool,
    target: ClusterTarget,
    container: str | None,
    image_name: str,
    ignore: tuple[str, ...],
    fail_on: str,
    topics: bool,
    strict: bool,
    model: str,
    rbac: bool,
    output: str,
) -> None:
    """Find what is wrong with LiteLLM proxies, with their overlay and with the way to them.

    FILE and FOLDER, by default stdin, are rendered manifests, or what kubectl get prints as YAML or
    JSON. The more is in it the more is seen: workloads, Services, Ingresses and routes, ConfigMaps,
    and Pods for what the guard decided. Each finding says what, why it matters and how to fix it.
    Then comes the configuration for Codex. Nothing is changed; only --from-cluster, and the options
    from --all-namespaces to --timeout with it, use the network. Of the rights that --rbac prints,
    those to list workloads and pods are needed; what else may not be listed is named.

    With both, --from-cluster and FILE, it is how the cluster would be with these manifests applied.
    What is meant to be as it is: --ignore, or the annotation litellm-overlay/ignore: TOPIC,TOPIC.

    An image's tag is only a name. If Pods are given, what the guard found in them counts instead.

    \b
    Examples:
      helm template litellm ./charts/litellm-overlay --values values.yaml | litellm-overlay doctor
      litellm-overlay doctor --from-cluster --namespace llm
      litellm-overlay doctor --from-cluster --namespace llm manifests.yaml
      litellm-overlay doctor --topics
      litellm-overlay doctor --rbac --namespace llm | kubectl apply --filename -
      kubectl get deploy,pods,services,ingress,configmaps --namespace llm --output json |
        litellm-overlay doctor
      litellm-overlay doctor manifests.yaml --strict --output json | jq -r '.findings[].topic'

    \b
    Exit codes: 0 no error was found; 1 nothing here runs LiteLLM; 2 usage, or unreadable
    manifests; 4 cluster unreachable or refused; 5 an error was found, or with --strict
    anything at all.
    """
    if topics:
        show_topics(output)
        return
    if rbac:
        rules = rules_for(["list"], KINDS), rules_for(["list"], KINDS_EVERYWHERE)
        click.echo(rbac_manifest("doctor", target, *rules), nl=False)
        return
    if from_cluster:
        objects = read_cluster(*target.connect(), warn, target.selector)
        if manifests.named:
            objects = merge_objects(objects, read_objects(manifests))
    else:
        objects = read_objects(manifests)
    named = checks.Named(tuple((container or "").split(",")) if container else (), image_name)
    findings = checks.findings(objects, releases.load(), named)
    world = checks.build_world(objects, named)
    nothing = not (world.workloads or findings)
    kept, ignored = split_ignored(findings, objects, parse_patterns(ignore))
    if nothing:
        nearly = list(describe_near_misses(objects))
        message = "; ".join(
            ["nothing here runs LiteLLM's proxy", *(reason for reason, _ in nearly)]
        )
        raise OverlayError(
            message,
            nearly[0][1]
            if nearly
            else "a proxy is known by the overlay's mount, or by an image named like LiteLLM's own",
        )
    if is_for_programs(output):
        addresses = codex_rows(world, model)
        data = camel_case.to_camel_case_data(
            {"findings": kept, "ignored": ignored, "codex": addresses}
        )
        print_data(output, data)
    else:
        print_findings(kept, world, model)
        if ignored:
            click.echo(f"{len(ignored)} ignored: {', '.join(sorted({i.topic for i in ignored}))}")
    bad = () if fail_on == "never" else SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    severe = kept if strict else [item for item in kept if item.severity in bad]
    if severe:
        raise VerificationError(count(kept), "each finding says how to fix it")
    if kept and not is_for_programs(output):
        click.echo(f"\n{count(kept)}")


def show_topics(output: str) -> None:
    """Print each topic with its meaning."""
    if is_for_programs(output):
        print_data(output, TOPICS)
        return
    width = max(map(len, TOPICS))
    for topic, what in TOPICS.items():
        click.echo(f"{topic:<{width}}  {what}")


def warn(message: str) -> None:
    """Print a warning to stderr."""
    click.echo(f"warning: {message}", err=True)


def read_objects(manifests: Manifests) -> list[Object]:
    """Return the Kubernetes objects of a stream, with the items of a List in its place.

    Raises ValuesError if the stream cannot be read, or has no object.
    """
    try:
        text = manifests.read()
    except OverlayError as error:
        raise ValuesError(error.message, error.hint) from error
    try:
        parsed = _from_json(text) if text.lstrip().startswith("{") else None
        parts = documents(text) if parsed is None else [""]
        listed = parsed or [item for each in parts for _, item in objects(each)]
    except OverlayError as error:
        hint = "doctor reads rendered manifests, or the output of kubectl get"
        raise ValuesError(error.message, hint) from error
    if not any(item.get("kind") for item in listed):
        raise ValuesError(
            f"no Kubernetes object in {' '.join(map(str, manifests.paths)) or 'stdin'}",
            "doctor reads rendered manifests, or the output of kubectl get",
        )
    return listed


def _from_json(text: str) -> list[Object] | None:
    """Return the objects in JSON text, None if it is not JSON; many times faster than YAML."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None  # YAML may begin with a brace, too; its parser reports any error
    yaml_tree.require_flat(data)
    if not isinstance(data, dict):
        return []
    return items(data, "items") if str(data.get("kind")).endswith("List") else [data]


def codex_rows(world: World, model_name: str) -> list[dict[str, Any]]:
    """Return one row per address of a proxy, with Codex's config.toml for it."""
    return [
        {
            **camel_case.to_camel_case_data(item),
            "configToml": codex_config.config(item.base_url, model_name),
        }
        for item in address.addresses(world)
    ]


def print_findings(findings: Sequence[Finding], world: World, model_name: str) -> None:
    """Print the findings, grouped by object, and Codex's configuration."""
    console = Console(highlight=False, soft_wrap=True)
    for title, group in groupby(findings, lambda item: item.object):
        console.print(Text(sanitize(title), "bold"))
        for item in group:
            line = Text("  ").append(item.severity, STYLES[item.severity])
            console.print(line.append(f"  {sanitize(item.what)}  [{item.topic}]"))
            console.print(Text(f"    why: {sanitize(item.why)}"))
            first, *rest = sanitize(item.fix, keep="\n").splitlines() or [""]
            console.print(Text(f"    fix: {first}"))
            for each in rest:
                console.print(Text(f"         {each}"))
        console.print()
    if not findings:
        console.print("nothing found")
    for row in codex_rows(world, model_name):
        of = sanitize(row["workload"])
        console.print(Text(f"\n# Codex, ~/.codex/config.toml, for {of}", "bold"))
        console.print(Text(f"# (address from the {row['via']})\n{row['configToml'].rstrip()}"))


def count(findings: Sequence[Finding]) -> str:
    """Return the number of findings by severity, such as "1 error, 2 notes"."""
    number = Counter(item.severity for item in findings)
    parts = [f"{number[it]} {it}{'s' * (number[it] != 1)}" for it in STYLES if number[it]]
    return ", ".join(parts)
