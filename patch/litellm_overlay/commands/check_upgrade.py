"""`litellm-overlay check-upgrade`: judge a change of LiteLLM's version before it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from litellm_overlay.catalogue import assessment, releases, upgrade
from litellm_overlay.commands.files import FILE
from litellm_overlay.commands.index_options import describe_lookup, look_up, offline_option
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.commands.overlay_options import read_lock
from litellm_overlay.commands.release_output import paragraph, to_json
from litellm_overlay.errors import NotInCatalogueError, VerificationError
from litellm_overlay.lock import Lock
from litellm_overlay.printed import sanitize

if TYPE_CHECKING:
    from pathlib import Path

    from litellm_overlay.catalogue.assessment import Assessment
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
      fixed-upstream   no overlay is needed for the handshake; what the bridge still fixes there
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
    catalogue = releases.load()
    target = ask(to, "--to", catalogue)
    locked = read_lock(lock_file) or Lock()
    runs = from_ or locked.litellm_version
    current = ask(runs, "--from", catalogue) if runs else None
    patch = locked.patch_version or catalogue.default_patch_version
    result = upgrade.check(target, current, patch, catalogue, locked.on_fixed or "passthrough")
    index = describe_lookup(look_up(target, offline=offline), catalogue)
    result = replace(result, remaining=(*index, *result.remaining))
    if is_for_programs(output):
        print_data(output, upgrade_to_json(result, catalogue))
    else:
        print_upgrade(result)
    if result.verdict in {"unreviewed", "unknown"}:
        raise NotInCatalogueError(result.sentence, "the file inside can tell; the steps say how")
    if not result.proceed:
        raise VerificationError(result.sentence, result.steps[-1])


def ask(asked: str, option: str, catalogue: Catalogue) -> Assessment:
    """Return the assessment of an option's value; BadParameter if it is no version or image."""
    try:
        return upgrade.assess_or_unknown(asked, catalogue)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def upgrade_to_json(result: Upgrade, catalogue: Catalogue) -> dict[str, Any]:
    """Return the result as JSON data; `to` and `from` are rows of `releases --output json`."""
    return {
        "verdict": result.verdict,
        "proceed": result.proceed,
        "sentence": result.sentence,
        "to": to_json(result.target, catalogue),
        "from": to_json(result.current, catalogue) if result.current else None,
        "gains": result.gains,
        "losses": result.losses,
        "remaining": result.remaining,
        "changes": result.changes,
        "steps": result.steps,
    }


def print_upgrade(result: Upgrade) -> None:
    """Print the result as text for people."""
    console = Console(highlight=False)
    release, style = result.target.release, STYLES[result.verdict]
    asked = sanitize(result.target.asked)
    heading = Text(f"LiteLLM {release.version}" if release else asked, "bold")
    console.print(heading.append(f"  {result.verdict}", style), soft_wrap=True)
    lines = [("verdict", result.sentence)]
    if release:
        lines += [("image", result.target.why)] if result.target.why else []
        lines += [("meaning", assessment.MEANING[release.state])]
    lines += [("gain", text) for text in result.gains]
    lines += [("loss", text) for text in result.losses]
    lines += [("remains", text) for text in result.remaining]
    lines += [("change", text) for text in result.changes]
    for label, text in lines:
        alarm = (
            STYLES["malicious"] if "MALWARE" in text else ""
        )  # the current release may be malware, too
        console.print(Text(paragraph(label, text, console.width), alarm), soft_wrap=True)
    console.print("next", style="bold")
    for step in result.steps:
        console.print(Text(f"  {sanitize(step)}"), soft_wrap=True)  # commands are for copying
