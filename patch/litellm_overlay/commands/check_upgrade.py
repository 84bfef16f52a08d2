"""`litellm-overlay check-upgrade`: what a change of LiteLLM means, before it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from litellm_overlay.catalogue import assessment, releases, upgrade
from litellm_overlay.commands.files import FILE
from litellm_overlay.commands.index_options import look_up, offline_option, told
from litellm_overlay.commands.output import is_data, output_option, print_data
from litellm_overlay.commands.overlay_options import read_lock
from litellm_overlay.commands.release_output import paragraph, row
from litellm_overlay.errors import NotInCatalogueError, VerificationError
from litellm_overlay.lock import Lock
from litellm_overlay.printed import printable

if TYPE_CHECKING:
    from pathlib import Path

    from litellm_overlay.catalogue.assessment import Answer
    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.catalogue.upgrade import Upgrade

STYLES = {
    "still-needed": "bold yellow",
    "fixed-upstream": "bold green",
    "unreviewed": "bold yellow",
    "no-endpoint": "bold red",
    "malicious": "bold white on red",
    "unknown": "bold yellow",
}


@click.command()
@click.option("--to", metavar="IMAGE|VERSION", required=True, help="What is to run.")
@click.option(
    "--from",
    "from_",
    metavar="IMAGE|VERSION",
    help="What runs now; default: the lock's, else an affected release with the overlay.",
)
@click.option(
    "--lock",
    "lock_file",
    type=FILE,
    envvar="LITELLM_OVERLAY_LOCK",
    help="A file that `pin` wrote: release, patch and onFixed that run now.",
)
@offline_option
@output_option()
def check_upgrade(
    to: str, from_: str | None, lock_file: Path | None, offline: bool, output: str
) -> None:
    """Tell what a change of LiteLLM means, before it is made.

    What gets better and what worse, what remains, what to change in values and manifests, and
    whether the overlay may go. The answer comes from a catalogue inside this tool; no image is
    pulled. Only about a target that is newer the package index is asked, for 3 s at most and to
    warn: how old it is, whether it was withdrawn, what its file is. The tag of an image is only a
    name: where it leaves a doubt, the answer is for the nearest release, and says how to ask the
    file inside.

    \b
    Verdicts:
      still-needed     keep the overlay, or put it in; which patch version to pin
      fixed-upstream   no overlay is needed for the handshake; what the bridge still mends there
      unreviewed       newer than the catalogue: the overlay goes on, the guard decides by the file
      no-endpoint      it has no Responses WebSocket endpoint; the overlay refuses it
      malicious        1.82.7, 1.82.8, 1.107.0: malware, never start it
      unknown          not in the catalogue, or the tag does not tell; how to find out

    \b
    Examples:
      litellm-overlay check-upgrade --to 1.90.0
      litellm-overlay check-upgrade --from 1.82.3 --to ghcr.io/berriai/litellm:v1.88.6
      litellm-overlay check-upgrade --to 1.90.0 --lock litellm-overlay.lock
      litellm-overlay check-upgrade --to 1.90.0 --output json | jq -r .verdict

    \b
    Exit codes: 0 still-needed or fixed-upstream, 2 usage, 3 unreviewed or unknown,
    5 no-endpoint or malicious.
    """
    known = releases.load()
    target = ask(to, "--to", known)
    locked = read_lock(lock_file) or Lock()
    runs = from_ or locked.litellm_version
    current = ask(runs, "--from", known) if runs else None
    patch = locked.patch_version or known.default_patch_version
    found = upgrade.check(target, current, patch, known, locked.on_fixed or "passthrough")
    index = told(look_up(target, offline=offline), known)
    found = replace(found, remaining=(*index, *found.remaining))
    if is_data(output):
        print_data(output, as_data(found, known))
    else:
        show(found)
    if found.verdict in {"unreviewed", "unknown"}:
        raise NotInCatalogueError(found.sentence, "the file inside can tell; the steps say how")
    if not found.proceed:
        raise VerificationError(found.sentence, found.steps[-1])


def ask(asked: str, option: str, known: Catalogue) -> Answer:
    """Return what is known of an option's value; neither version nor image is wrong usage."""
    try:
        return upgrade.ask(asked, known)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def as_data(found: Upgrade, known: Catalogue) -> dict[str, Any]:
    """Return one object; `to` and `from` are rows as `releases --output json` has them."""
    return {
        "verdict": found.verdict,
        "proceed": found.proceed,
        "sentence": found.sentence,
        "to": row(found.target, known),
        "from": row(found.current, known) if found.current else None,
        "gains": found.gains,
        "losses": found.losses,
        "remaining": found.remaining,
        "changes": found.changes,
        "steps": found.steps,
    }


def show(found: Upgrade) -> None:
    """Print it for people."""
    console = Console(highlight=False)
    release, style = found.target.release, STYLES[found.verdict]
    asked = printable(found.target.asked)
    heading = Text(f"LiteLLM {release.version}" if release else asked, "bold")
    console.print(heading.append(f"  {found.verdict}", style), soft_wrap=True)
    lines = [("verdict", found.sentence)]
    if release:
        lines += [("image", found.target.why)] if found.target.why else []
        lines += [("meaning", assessment.MEANING[release.state])]
    lines += [("gain", text) for text in found.gains]
    lines += [("loss", text) for text in found.losses]
    lines += [("remains", text) for text in found.remaining]
    lines += [("change", text) for text in found.changes]
    for label, text in lines:
        alarm = STYLES["malicious"] if "MALWARE" in text else ""  # also what runs now
        console.print(Text(paragraph(label, text, console.width), alarm), soft_wrap=True)
    console.print("next", style="bold")
    for step in found.steps:
        console.print(Text(f"  {printable(step)}"), soft_wrap=True)  # commands are for copying
