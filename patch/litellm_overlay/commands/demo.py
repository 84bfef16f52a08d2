"""`litellm-overlay demo`: show the defect and the fix on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from litellm_overlay.camel_case import to_camel_case_data
from litellm_overlay.catalogue import releases
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.commands.progress import shown_on
from litellm_overlay.errors import NotInCatalogueError, OverlayError, VerificationError
from litellm_overlay.local import codex_cli, processes
from litellm_overlay.local.comparison import (
    CaseOutcome,
    CodexOutcome,
    Comparison,
    cases_for,
    compare,
)
from litellm_overlay.responses import codex_config

if TYPE_CHECKING:
    from litellm_overlay.local.processes import Server


@click.command()
@click.option("--litellm", metavar="VERSION", help="LiteLLM release [default: newest affected]")
@click.option("--patch", metavar="VERSION", help="Patch version [default: newest]")
@click.option("--codex", "wanted_codex", metavar="PATH|VERSION", help="Run the real Codex, too.")
@click.option("--keep", is_flag=True, help="Leave the patched proxy running until Ctrl-C.")
@output_option()
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="LITELLM_OVERLAY_CACHE",
    help="Where LiteLLM and Codex are installed [default: ~/.cache/litellm-overlay]",
)
def demo(
    litellm: str | None,
    patch: str | None,
    wanted_codex: str | None,
    keep: bool,
    output: str,
    cache: Path | None,
) -> None:
    """See the defect and the cure on this machine; no cluster needed.

    Installs a stock LiteLLM from the package index into a cache, starts it in front of a mock model
    provider and asks it as Codex does; then patches a second copy as the init container would, and
    asks that one the same. Fails if stock did not fail or the patched one did not work.

    \b
    Examples:
      litellm-overlay demo
      litellm-overlay demo --litellm 1.82.3 --codex 0.118.0
      litellm-overlay demo --keep
    """
    release, patch = choose_release(litellm, patch)
    console = Console(stderr=True)
    warn_of_advisories(release, console)
    with contextlib.ExitStack() as stack:
        with shown_on(console) as progress:
            binary = None
            if wanted_codex:
                binary = codex_cli.find(wanted_codex, cache=cache, progress=progress)
            running = compare(release.version, patch, binary, cache, progress)
            comparison, server = stack.enter_context(running)
        if is_for_programs(output):
            print_data(output, to_json(comparison))
        else:
            print_comparison(comparison)
        if comparison.problems:
            raise VerificationError(
                "not as it should be:\n  " + "\n  ".join(comparison.problems),
                hint=f"the logs are in {server.log.parent}",
            )
        if keep:
            wait_beside(server)
        elif not is_for_programs(output):
            click.echo(next_steps(release.version))


def choose_release(litellm: str | None, patch: str | None) -> tuple[releases.Release, str]:
    """Return the release and the patch version to demonstrate.

    Raises OverlayError for a release that is not affected, and for unknown versions.
    """
    catalogue = releases.load()
    release = catalogue.release(litellm or catalogue.newest_affected)
    if release.state == "malicious":
        raise OverlayError(
            f"LiteLLM {release.version} is malware; never run it",
            hint=f"the newest affected release is {catalogue.newest_affected}",
        )
    if release.state != "affected":
        raise OverlayError(
            f"LiteLLM {release.version} is {release.state}: there is no defect to show",
            hint=f"the newest affected release is {catalogue.newest_affected}",
        )
    patch = patch or catalogue.default_patch_version
    if patch not in catalogue.patch_versions:
        versions = ", ".join(catalogue.patch_versions)
        raise NotInCatalogueError(f"there is no patch version {patch}", hint=f"known: {versions}")
    return release, patch


def warn_of_advisories(release: releases.Release, console: Console) -> None:
    """Print a warning with the release's advisories, none of which the patch fixes."""
    advisories = [
        f"{advisory.id} (fixed in {advisory.fixed_in})" for advisory in release.advisories
    ]
    if advisories:
        text = f"LiteLLM {release.version} has security problems that no overlay fixes"
        console.print(f"warning: {text}: {', '.join(advisories)}", highlight=False)


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison, with its problems, as JSON data."""
    return {**to_camel_case_data(comparison), "problems": comparison.problems}


def print_comparison(comparison: Comparison) -> None:
    """Print the tables."""
    title = f"LiteLLM {comparison.litellm}, as released and with patch {comparison.patch}"
    headings = ("asked with", "model from", "stock", "patched")
    table = table_of(title, *headings, numbers=("first", "turn", "events", "tokens"))
    for case in cases_for(comparison.patch):
        before, after = comparison.stock.cases[case.name], comparison.patched.cases[case.name]
        numbers = [format_milliseconds(after.first_event_ms), format_milliseconds(after.turn_ms)]
        numbers += [str(after.events), f"{after.input_tokens}+{after.output_tokens}"]
        table.add_row(case.name, case.model_from, verdict(before), verdict(after), *numbers)
    table.caption = "first: until the first event; tokens: input+output"
    console = Console()
    console.print(table)
    if comparison.patched.codex:
        table = table_of("The Codex CLI, from start to exit", "asked for", "stock", "patched")
        for name, after_run in comparison.patched.codex.items():
            before_run = comparison.stock.codex[name]
            table.add_row(name, codex_verdict(before_run), codex_verdict(after_run))
        console.print(table)


def table_of(title: str, *headings: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table that fits into 80 columns."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, no_wrap=True, justify="right")
    return table


def verdict(outcome: CaseOutcome) -> str:
    """Return a cell: the handshake's status, and whether the turn completed."""
    if outcome.completed:
        return f"[green]{outcome.handshake} ok[/green]"
    failed = " failed" if outcome.handshake == 101 else ""
    return f"[red]{outcome.handshake}{failed}[/red]"


def codex_verdict(run: CodexOutcome) -> str:
    """Return a cell: the wall time, and the transport that gave Codex its answer."""
    way = f"{run.refused} sockets refused" if run.refused else "WebSocket"
    if run.posts:
        way += ", then HTTP"
    return f"{run.wall_seconds:.2f} s, {way}" + ("" if run.completed else ", no answer")


def format_milliseconds(value: float | None) -> str:
    """Return a time such as "12 ms", "" for None."""
    return "" if value is None else f"{value:.0f} ms"


def next_steps(version: str) -> str:
    """Return the commands to try next, with a program name that works in this shell."""
    name = "litellm-overlay"
    name = name if shutil.which(name) else os.path.relpath(sys.argv[0])
    steps = {
        f"{name} diff {version}": "what the patch changes in LiteLLM's file",
        f"{name} releases IMAGE": "is your image affected, and what else is wrong with it",
        f"{name} probe URL": "ask a proxy of your own the same",
        "docs/patch-versions.md": "what each patch version solves, costs and refuses",
    }
    width = max(map(len, steps))
    return "\n".join(["What next:", *(f"  {step:{width}}  {why}" for step, why in steps.items())])


def wait_beside(server: Server) -> None:
    """Print how to use the proxy, and wait for Ctrl-C; OverlayError if the proxy ends first."""
    config = textwrap.indent(codex_config.config(f"{server.url}/v1", "gpt-5.4"), "    ")
    click.echo(f"""
The patched proxy runs at {server.url}, its key is {processes.MASTER_KEY}. For Codex, put this into
~/.codex/config.toml (a mock model answers):

{config}
and run:

    {codex_config.KEY_VARIABLE}={processes.MASTER_KEY} codex exec "say hi"

Ctrl-C ends it.""")
    with contextlib.suppress(KeyboardInterrupt):
        server.process.wait()
        raise OverlayError("the proxy ended by itself", hint=f"its log is {server.log}")
