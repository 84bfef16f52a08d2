"""`litellm-overlay verify`: make a turn in each pod, and hash the file that it runs."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING, TextIO

import click

from endpoint_patch.errors import GuardError
from litellm_overlay.camel_case import to_camel_case_data
from litellm_overlay.catalogue import patch_files, releases
from litellm_overlay.commands import guards
from litellm_overlay.commands.cluster_options import cluster_options
from litellm_overlay.commands.key_options import key_options, read_key
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.commands.rbac import rbac_manifest, rbac_option, rules_for
from litellm_overlay.errors import OverlayError, VerificationError
from litellm_overlay.fleet import rollout, verification
from litellm_overlay.local import environment
from litellm_overlay.objects.kinds import WORKLOADS
from litellm_overlay.printed import sanitize, shell_word
from litellm_overlay.responses.diagnosis import diagnose

if TYPE_CHECKING:
    from litellm_overlay.cluster.client import Cluster
    from litellm_overlay.commands.cluster_options import ClusterTarget
    from litellm_overlay.fleet.verification import Target, Verification

# A WebSocket starts with a GET, so it needs "get"; Kubernetes 1.35 requires "create" as well.
RULES = (
    *rules_for(["list"], ["pods"]),
    *rules_for(["get"], ["configmaps"]),
    *rules_for(["create", "get"], ["pods/exec", "pods/portforward"]),
)

PAUSE = 10  # seconds; a workload may change while no pod does
_KEYS = "--key-env, --key-file and --key-secret"


@click.command()
@cluster_options
@key_options
@click.option(
    "--key-secret",
    metavar="SECRET/KEY",
    help="Read the key from a Secret in the pod's namespace instead.",
)
@click.option(
    "--offline", is_flag=True, help="Fetch no file of LiteLLM's from the package index to compare."
)
@output_option()
@click.option(
    "--wait",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="Wait first, so long at most, until all overlaid workloads are rolled out.",
)
@rbac_option
def verify(
    target: ClusterTarget,
    model: str,
    key_env: str,
    key_file: TextIO | None,
    key_secret: str | None,
    offline: bool,
    output: str,
    wait: int | None,
    rbac: bool,
) -> None:
    """Ask every pod that carries the overlay whether Codex works there, on the guard's file.

    Through the API server's port-forward each pod gets the handshakes and the three short turns of
    `litellm-overlay probe`, and its endpoints.py is read, as the container sees it, and hashed. The
    payload's ConfigMap is held to the digest in the pod template, and the hash that the guard
    reports to what this tool makes of LiteLLM's published file, where that can be had. It needs the
    rights to list pods, to get ConfigMaps, to forward ports and to execute `cat`, and to get the
    Secret of --key-secret; --rbac prints them. Nothing is changed.

    \b
    Examples:
      litellm-overlay verify --namespace llm --key-secret litellm-keys/master-key
      litellm-overlay verify -n llm --wait 600 --key-secret litellm-keys/master-key
      litellm-overlay verify -A --key-env LITELLM_KEY --model my-alias
      litellm-overlay verify --key-file key.txt --output json | jq -r '.[] | select(.faults != [])'
      litellm-overlay verify -n llm --key-secret litellm-keys/master-key --rbac |
        kubectl apply --filename -

    \b
    Exit codes: 0 Codex works in every pod, 1 no pod carries the overlay, 2 usage,
    4 cluster unreachable or refused, 5 it does not work in some pod.
    """
    reference = parse_reference(key_secret) if key_secret else None
    if rbac:
        rules = [*RULES, *(rules_for(["list"], WORKLOADS) if wait else [])]
        rules += rules_for(["get"], ["secrets"], reference[:1]) if reference else []
        click.echo(rbac_manifest("verify", target, rules), nl=False)
        return
    connection, where = target.connect()
    shared_key = "" if reference else read_key(key_env, key_file, _KEYS)
    if wait:
        wait_for_rollouts(connection, where, target.selector, wait)
    pods = connection.list("pods", where, target.selector)
    targets = verification.targets(pods, releases.load())
    if not targets:
        raise OverlayError(
            f"no pod carries the overlay in {f'the namespace {where}' if where else 'the cluster'}",
            "litellm-overlay status shows what runs LiteLLM",
        )
    results = []
    for pod in targets:
        key = secret(connection, pod.namespace, *reference) if reference else shared_key
        result = verify_pod(connection, pod, key, model, target.timeout, offline=offline)
        results.append(result)
        if not is_for_programs(output):
            print_verification(result)
    if is_for_programs(output):
        print_data(output, [to_json(result) for result in results])
    if failed := sum(bool(result.faults) for result in results):
        raise VerificationError(f"Codex does not work in {failed} of {len(results)} pods")


def wait_for_rollouts(
    connection: Cluster, namespace: str | None, labels: str, seconds: int
) -> None:
    """Wait until all overlaid workloads are rolled out; VerificationError after `seconds`."""
    last = time.monotonic() + seconds
    while True:
        workloads = [
            {"kind": kind, **item}
            for plural, kind in WORKLOADS.items()
            for item in connection.list(plural, namespace, labels)
        ]
        waiting = list(rollout.unfinished(workloads))
        if not waiting:
            return
        left = last - time.monotonic()
        if left <= 0:
            raise VerificationError(
                f"not rolled out after {seconds} s: {'; '.join(waiting)}",
                "litellm-overlay status says what each pod's guard has decided",
            )
        connection.wait_for_change("pods", namespace, math.ceil(min(left, PAUSE)))
        time.sleep(min(left, 1))


def parse_reference(text: str) -> tuple[str, str]:
    """Return the two parts of SECRET/KEY; BadParameter if one is missing."""
    name, _, key = text.partition("/")
    if not (name and key):
        raise click.BadParameter("it is written SECRET/KEY", param_hint="--key-secret")
    return name, key


def secret(connection: Cluster, namespace: str, name: str, key: str) -> str:
    """Return a decoded value of a Secret; OverlayError if there is none."""
    stored = connection.get("secrets", namespace, name) or {}
    try:
        return base64.b64decode(stored["data"][key]).decode().strip()
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise OverlayError(
            f"the namespace {namespace} has no Secret {name} with a key {key}",
            f"kubectl --namespace {shell_word(namespace)} describe secret {shell_word(name)} "
            "shows the keys it has",
        ) from None


def verify_pod(
    connection: Cluster, target: Target, key: str, model: str, timeout: float, *, offline: bool
) -> Verification:
    """Return the result for one pod; an OverlayError, or a pod that disappears, is a fault."""
    if not (target.ready and target.module):
        return verification.not_asked(target)
    try:
        result = examine_pod(
            connection, target, target.module, key, model, timeout, offline=offline
        )
    except OverlayError as error:
        result = verification.Verification(target, None, (f"{error.message}; {error.hint}",))
    if result.faults and verification.has_gone(target, connection.list("pods", target.namespace)):
        return verification.gone_result(target)
    return result


def examine_pod(
    connection: Cluster,
    target: Target,
    path: str,
    key: str,
    model: str,
    timeout: float,
    *,
    offline: bool,
) -> Verification:
    """Return the result of reading a pod's module and probing its proxy."""
    from litellm_overlay.cluster import tunnel  # noqa: PLC0415 - the cluster's client, slow

    faults = [payload_fault(connection, target), making_fault(target, offline=offline)]
    place = (connection, target.namespace, target.pod)
    module = tunnel.read_file(*place, target.container, path)
    with tunnel.forward(*place, target.port) as port:
        url = f"http://127.0.0.1:{port}"
        diagnosis = asyncio.run(diagnose(url, key, model, timeout=timeout))
    return verification.judge(target, module, diagnosis, faults)


def payload_fault(connection: Cluster, target: Target) -> str:
    """Return a sentence if the payload's ConfigMap lacks the digest that the pod names, else ""."""
    config_map = connection.get("configmaps", target.namespace, target.origin.config_map)
    files = verification.payload_of(target, config_map)
    digest = None if files is None else patch_files.digest_of(files)
    return verification.payload_fault(target, digest)


@lru_cache
def published_endpoints(litellm: str, *, offline: bool) -> bytes:
    """Return a release's own endpoints.py, b"" if it is not available; cached for all pods."""
    try:
        return environment.stock_endpoints(litellm, offline=offline)
    except OverlayError:
        return b""


def making_fault(target: Target, *, offline: bool) -> str:
    """Return a sentence if the guard reports a hash other than this tool computes, else "".

    This tool patches LiteLLM's published file to compute it. If it cannot, "" is returned: the pod
    is not patched, has another payload or a custom file, or the published file is not available.
    """
    report, guard_plan = target.origin.report, target.origin.plan
    version, litellm = str(report.get("patchVersion")), str(report.get("litellmVersion"))
    own = releases.load().patch_versions.get(version)
    if target.decision != "patched" or not own or own.digest != target.origin.digest:
        return ""
    stock = published_endpoints(litellm, offline=offline)
    try:
        made = guards.patched_sha256(stock, version, guard_plan, litellm) if stock else ""
    except (OverlayError, GuardError):
        return ""
    if not made or hashlib.sha256(stock).hexdigest() != report.get("stockSha256"):
        return ""  # a custom file, which the guard was configured to expect
    return verification.making_fault(target, made)


def print_verification(result: Verification) -> None:
    """Print the result for one pod."""
    word, colour = ("NO", "red") if result.faults else ("ok", "green")
    target = result.target
    facts = [target.decision]
    facts += [f"module {sanitize(target.sha256[:12])}"] if target.sha256 else []
    facts += [result.verdict or "not asked"]
    pod = sanitize(f"{target.namespace}/{target.pod}")
    click.echo(f"{click.style(word, fg=colour)}  {pod}  {', '.join(facts)}")
    for fault in result.faults:
        click.echo(f"    {sanitize(fault)}")


def to_json(result: Verification) -> dict[str, object]:
    """Return a result as JSON data: the target's fields but `origin`, verdict and faults."""
    fields = to_camel_case_data(result)
    target = fields.pop("target")
    del target["origin"]
    return {**target, **fields}
