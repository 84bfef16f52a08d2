"""`litellm-overlay verify`: make a turn in each pod, and hash the file that it runs."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

import click

from litellm_overlay import catalogue, verification
from litellm_overlay.commands.cluster_options import check, cluster_options, connect
from litellm_overlay.commands.key_options import key_options, read_key
from litellm_overlay.commands.rbac import may, rbac_option, rights
from litellm_overlay.diagnosis import diagnose
from litellm_overlay.errors import OverlayError, VerificationError

if TYPE_CHECKING:
    from pathlib import Path

    from litellm_overlay.cluster import Cluster
    from litellm_overlay.verification import Result, Target

# A WebSocket begins with a GET, which is "get"; Kubernetes 1.35 asks for "create" as well.
RULES = (
    *may(["list"], ["pods"]),
    *may(["create", "get"], ["pods/exec", "pods/portforward"]),
)

_KEYS = "--key-env, --key-file and --key-secret"


@click.command()
@cluster_options
@click.option("-l", "--selector", default="", help="Only pods with these labels.")
@key_options
@click.option(
    "--key-secret",
    metavar="SECRET/KEY",
    help="Read the key from a Secret in the pod's namespace instead.",
)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@rbac_option
def verify(
    all_namespaces: bool,
    namespace: str | None,
    selector: str,
    context: str | None,
    kubeconfig: Path | None,
    model: str,
    key_env: str,
    key_file: TextIO | None,
    key_secret: str | None,
    timeout: float,
    output: str,
    rbac: bool,
) -> None:
    """Ask every pod that carries the overlay whether Codex works there, on the guard's file.

    Through the API server's port-forward each pod gets the handshakes and the three short turns of
    `litellm-overlay probe`, and its endpoints.py is read, as the container sees it, and hashed. It
    needs the rights to list pods, to forward ports and to execute `cat`, and to get the Secret of
    --key-secret; --rbac prints them. Nothing is changed.

    \b
    Examples:
      litellm-overlay verify --namespace llm --key-secret litellm-keys/master-key
      litellm-overlay verify -A --key-env LITELLM_KEY --model my-alias
      litellm-overlay verify --key-file key.txt --output json | jq -r '.[] | select(.faults != [])'
      litellm-overlay verify -n llm --key-secret litellm-keys/master-key --rbac |
        kubectl apply --filename -

    \b
    Exit codes: 0 Codex works in every pod, 1 no pod carries the overlay, 2 usage,
    4 cluster unreachable or refused, 5 it does not work in some pod.
    """
    check(namespace, all_namespaces=all_namespaces)
    reference = parse_reference(key_secret) if key_secret else None
    if rbac:
        rules = [*RULES, *may(["get"], ["secrets"], reference[:1])] if reference else RULES
        printed = rights("verify", rules, namespace=namespace, all_namespaces=all_namespaces)
        click.echo(printed, nl=False)
        return
    given = "" if reference else read_key(key_env, key_file, _KEYS)
    connection, where = connect(
        namespace, context, kubeconfig, timeout, all_namespaces=all_namespaces
    )
    pods = connection.list("pods", where, selector)
    found = verification.targets(pods, catalogue.load())
    if not found:
        raise OverlayError(
            f"no pod carries the overlay in {f'the namespace {where}' if where else 'the cluster'}",
            "litellm-overlay status shows what runs LiteLLM",
        )
    results = []
    for target in found:
        key = secret(connection, target.namespace, *reference) if reference else given
        result = ask(connection, target, key, model, timeout)
        results.append(result)
        if output == "table":
            show(result)
    if output == "json":
        click.echo(json.dumps([plain(result) for result in results], indent=2))
    if failed := sum(bool(result.faults) for result in results):
        raise VerificationError(f"Codex does not work in {failed} of {len(results)} pods")


def parse_reference(text: str) -> tuple[str, str]:
    """Return the two parts of SECRET/KEY."""
    name, _, key = text.partition("/")
    if not (name and key):
        raise click.BadParameter("it is written SECRET/KEY", param_hint="--key-secret")
    return name, key


def secret(connection: Cluster, namespace: str, name: str, key: str) -> str:
    """Return a value of a Secret."""
    found = connection.get("secrets", namespace, name) or {}
    try:
        return base64.b64decode(found["data"][key]).decode().strip()
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise OverlayError(
            f"the namespace {namespace} has no Secret {name} with a key {key}",
            f"kubectl --namespace {namespace} describe secret {name} shows the keys it has",
        ) from None


def ask(connection: Cluster, target: Target, key: str, model: str, timeout: float) -> Result:
    """Return what one pod answers; a pod that goes meanwhile is a fault, not the end."""
    if not (target.ready and target.module):
        return verification.not_asked(target)
    try:
        result = look(connection, target, target.module, key, model, timeout)
    except OverlayError as error:
        result = verification.Result(target, None, (f"{error.message}; {error.hint}",))
    if result.faults and verification.has_gone(target, connection.list("pods", target.namespace)):
        return verification.gone(target)
    return result


def look(
    connection: Cluster, target: Target, path: str, key: str, model: str, timeout: float
) -> Result:
    """Read the module in a pod, and speak to its proxy."""
    from litellm_overlay import tunnel  # noqa: PLC0415 - the cluster's client, slow

    place = (connection, target.namespace, target.pod)
    module = tunnel.read_file(*place, target.container, path)
    with tunnel.forward(*place, target.port) as port:
        url = f"http://127.0.0.1:{port}"
        diagnosis = asyncio.run(diagnose(url, key, model, timeout=timeout))
    return verification.judge(target, module, diagnosis)


def show(result: Result) -> None:
    """Print a pod as soon as it has answered."""
    word, colour = ("NO", "red") if result.faults else ("ok", "green")
    target = result.target
    click.echo(
        f"{click.style(word, fg=colour)}  {target.namespace}/{target.pod}  {target.decision}, "
        f"module {str(target.sha256)[:12]}, {result.verdict or 'not asked'}"
    )
    for fault in result.faults:
        click.echo(f"    {fault}")


def plain(result: Result) -> dict[str, object]:
    """Return a result as JSON has it."""
    flat = {**asdict(result.target), "verdict": result.verdict, "faults": list(result.faults)}
    return {"namespace": flat.pop("namespace"), "pod": flat.pop("pod"), **flat}
