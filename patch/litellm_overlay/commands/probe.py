"""`litellm-overlay probe`: tell whether Codex works over WebSocket at an address."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TextIO

import click

from litellm_overlay.camel_case import to_camel_case_data
from litellm_overlay.commands.key_options import key_options, read_key
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.errors import VerificationError
from litellm_overlay.printed import sanitize
from litellm_overlay.responses.client import AUTH_FORMS
from litellm_overlay.responses.diagnosis import diagnose

if TYPE_CHECKING:
    from litellm_overlay.responses.diagnosis import Check, Diagnosis


@click.command()
@click.argument("url")
@key_options
@click.option(
    "--auth",
    type=click.Choice(AUTH_FORMS),
    default=AUTH_FORMS[0],
    show_default=True,
    help="How the key is sent; Codex sends a bearer token.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30,
    show_default=True,
    help="Seconds for each check.",
)
@output_option()
def probe(
    url: str,
    model: str,
    key_env: str,
    key_file: TextIO | None,
    auth: str,
    timeout: float,
    output: str,
) -> None:
    """Speak to a proxy as Codex does, over WebSocket, and judge the answer.

    URL is the proxy's: http(s):// or ws(s)://, with or without /v1 or /v1/responses. A full run
    makes three short model calls. HTTP_PROXY, NO_PROXY and SSL_CERT_FILE are respected.

    Each check is "ok" or "NO"; "--" is a "no" that Codex gets along with.

    \b
    Examples:
      litellm-overlay probe http://localhost:4000
      litellm-overlay probe https://llm.example.com --model my-alias --key-env LITELLM_KEY
      kubectl get secret litellm -o jsonpath={.data.key} | base64 -d |
        litellm-overlay probe https://llm.example.com --key-file - --output json

    \b
    Exit codes: 0 Codex works over WebSocket, 1 no server answered, 2 usage,
    5 it does not work; the verdict says why.
    """
    key = read_key(key_env, key_file, "--key-env and --key-file")
    shown = ignore if is_for_programs(output) else print_check
    diagnosis = asyncio.run(diagnose(url, key, model, auth=auth, timeout=timeout, on_check=shown))
    verdict = diagnosis.verdict
    if is_for_programs(output):
        print_data(output, to_json(url, model, diagnosis))
    elif diagnosis.works:
        click.secho(f"\n{verdict.sentence}", bold=True)
    if not diagnosis.works:
        raise VerificationError(verdict.sentence, hint=verdict.hint)


def to_json(url: str, model: str, diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis, with the URL and model probed, as JSON data."""
    return {"url": url, "model": model, "works": diagnosis.works, **to_camel_case_data(diagnosis)}


def print_check(check: Check) -> None:
    """Print one check as a line of the table."""
    word, colour = ("NO", "red") if check.required else ("--", "yellow")
    if check.ok:
        word, colour = "ok", "green"
    columns = f"{check.name:<22}  {check.milliseconds:>7.0f} ms  {sanitize(check.detail)}"
    click.echo(f"{click.style(word, fg=colour)}  {columns}")


def ignore(check: Check) -> None:
    """Print nothing."""
    del check
