"""`litellm-overlay releases`: report affected releases, what to pin, and advisories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from packaging.version import Version
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from litellm_overlay.camel_case import to_camel_case_data
from litellm_overlay.catalogue import assessment
from litellm_overlay.catalogue.releases import STATES, UNREVIEWED, load
from litellm_overlay.commands.index_options import describe_lookup, look_up, offline_option
from litellm_overlay.commands.output import is_for_programs, output_option, print_data
from litellm_overlay.commands.release_output import paragraph, to_json
from litellm_overlay.errors import NotInCatalogueError
from litellm_overlay.printed import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.catalogue.assessment import Assessment
    from litellm_overlay.catalogue.releases import Catalogue, Release

STYLES = {
    "no-endpoint": "dim",
    "affected": "bold red",
    "handshake-fixed": "bold yellow",
    "fixed": "bold green",
    "malicious": "bold white on red",
    "unreviewed": "bold yellow",
    "unknown": "bold yellow",
}


@click.command()
@click.argument("targets", nargs=-1, metavar="[VERSION|IMAGE]...")
@click.option("--all", "all_", is_flag=True, help="List every release.")
@click.option(
    "--state",
    type=click.Choice(STATES),
    multiple=True,
    help="List these; may be repeated.",
)
@click.option(
    "--sha256", metavar="HASH", help="List the releases whose endpoints.py has this hash."
)
@offline_option
@output_option()
def releases(
    targets: tuple[str, ...],
    all_: bool,
    state: tuple[str, ...],
    sha256: str | None,
    offline: bool,
    output: str,
) -> None:
    """Tell whether a LiteLLM release or image is affected, what to pin, and what else is wrong.

    Without argument: the affected releases. The answers come from a catalogue inside this tool; no
    image is pulled. Only about a release that is newer the package index is asked, for 3 s at most
    and to warn: how old it is, whether it was withdrawn, what its file is. The tag of an image is
    only a name, so an answer for an image says how it was read, and how to ask the file inside.
    Advisories are those that were known when the catalogue was made; a scanner may know more.

    \b
    States:
      no-endpoint      has no Responses WebSocket endpoint
      affected         refuses Codex's handshake; the overlay is for these
      handshake-fixed  1.89.x: Codex connects, but can hang; the overlay patches it too
      fixed            1.90 and later, with known gaps
      unreviewed       newer than the catalogue: the guard in the pod decides by the file
      malicious        1.82.7, 1.82.8, 1.107.0: malware, never install; the overlay refuses them

    \b
    Examples:
      litellm-overlay releases 1.88.6
      litellm-overlay releases registry.example.com/berriai/litellm:main-v1.83.3-stable
      litellm-overlay releases --state handshake-fixed --state fixed
      litellm-overlay releases --output json | jq -r '.[].version'

    \b
    Exit codes: 0 answered, whatever the answer, a malicious release too; 2 usage;
    3 a release is not in the catalogue, since it is newer (unreviewed) or for another reason.
    """
    catalogue = load()
    if not targets:
        listed = select(catalogue, all_=all_, states=state, sha256=sha256)
        if is_for_programs(output):
            rows = [
                {**to_camel_case_data(r), "pin": assessment.patch_to_pin(r.state, catalogue)}
                for r in listed
            ]
            print_data(output, rows)
        else:
            print_table(listed, catalogue)
        return
    if all_ or state or sha256:
        raise click.UsageError("Give either VERSION or IMAGE, or options that list releases.")
    outcomes = [ask(target, catalogue) for target in targets]
    answers = [item for item in outcomes if isinstance(item, assessment.Assessment)]
    looks = [describe_lookup(look_up(answer, offline=offline), catalogue) for answer in answers]
    if is_for_programs(output):
        pairs = zip(answers, looks, strict=True)
        rows = [
            {**to_json(answer, catalogue), "index": list(sentences)} for answer, sentences in pairs
        ]
        print_data(output, rows)
    else:
        for answer, sentences in zip(answers, looks, strict=True):
            print_release_report(answer, catalogue, sentences)
    unknown = [item for item in outcomes if isinstance(item, NotInCatalogueError)]
    unknown += [
        NotInCatalogueError(
            assessment.newer_release_warning(item.release, catalogue),
            "what the guard found in it: litellm-overlay status",
        )
        for item in answers
        if item.release and item.state == UNREVIEWED
    ]
    if unknown:
        hints = [error.hint for error in unknown]
        message = "; ".join(error.message for error in unknown)
        raise NotInCatalogueError(message, hints[0] if len(hints) == 1 else "ask for one at a time")


def ask(target: str, catalogue: Catalogue) -> Assessment | NotInCatalogueError:
    """Return the assessment, or the error for an unknown release.

    So one unknown image of a fleet does not hide the others. Raises click's BadParameter if the
    target is neither a version nor an image.
    """
    try:
        return assessment.assess(target, catalogue)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="VERSION|IMAGE") from error
    except NotInCatalogueError as error:
        return error


def select(
    catalogue: Catalogue, *, all_: bool, states: Sequence[str], sha256: str | None
) -> tuple[Release, ...]:
    """Return the releases to list, by default the affected ones.

    `states` narrows the result of `all_` and `sha256`. Raises NotInCatalogueError if no release has
    this sha256.
    """
    states = states or (STATES if all_ or sha256 else ["affected"])
    if not sha256:
        return catalogue.in_state(*states)
    same = [r for r in catalogue.releases if r.endpoints_sha256 == sha256.lower()]
    if not same:
        raise NotInCatalogueError(
            f"no release in the catalogue has an endpoints.py with sha256 {sha256}",
            hint="it was altered, built between releases, or is newer than the catalogue; or is "
            "this the digest of an image? To look at a file: litellm-overlay diff FILE",
        )
    return tuple(r for r in same if r.state in states)


def print_table(listed: Sequence[Release], catalogue: Catalogue) -> None:
    """Print a table, one line per release."""
    table = Table(
        title=f"{len(listed)} of {len(catalogue.releases)} LiteLLM releases",
        title_justify="left",
        title_style="bold",
        caption="advisories: how many, and the first release without them\n"
        "gaps: known faults besides that of the handshake\n"
        f"Pin patch {catalogue.default_patch_version} for affected releases.\n"
        "Details: litellm-overlay releases VERSION",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in ("version", "state", "uploaded", "endpoints.py", "advisories"):
        table.add_column(heading, no_wrap=True)
    table.add_column("gaps", justify="right")
    for release in listed:
        fixed_in = max((item.fixed_in for item in release.advisories), key=Version, default="")
        table.add_row(
            release.version,
            Text(release.state, STYLES[release.state]),
            release.uploaded,
            (release.endpoints_sha256 or "")[:12],
            f"{len(release.advisories)} until {fixed_in}" if fixed_in else "none",
            str(len(release.gaps)),
        )
    Console(highlight=False).print(table)


def print_release_report(
    answer: Assessment, catalogue: Catalogue, index: Sequence[str] = ()
) -> None:
    """Print the report on one release or image."""
    console = Console(highlight=False)
    release = answer.release
    heading = Text(f"LiteLLM {release.version}" if release else sanitize(answer.asked), "bold")
    heading.append(f"  {answer.state}", STYLES[answer.state])
    if release:
        nearest = "" if answer.exact else "nearest release, "
        uploaded = f"uploaded {release.uploaded}" if release.uploaded else "not in the catalogue"
        heading.append(f"  ({nearest}{uploaded})", "not bold")
    console.print(heading, soft_wrap=True)
    for label, text in [*facts(answer, catalogue), *(("index", text) for text in index)]:
        style = STYLES[answer.state] if answer.state == "malicious" else ""
        console.print(Text(paragraph(label, text, console.width), style), soft_wrap=True)
    console.print("next", style="bold")
    for step in assessment.next_steps(answer, catalogue):
        console.print(Text(f"  {sanitize(step)}"), soft_wrap=True)  # commands are for copying
    console.print()


def facts(answer: Assessment, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for each fact about a release or image."""
    release = answer.release
    if answer.why:
        yield "image", f"{answer.asked}: {answer.why}"
    yield "meaning", assessment.MEANING[answer.state]
    if not release:
        return
    if release.state == "malicious":  # its other faults do not matter
        yield "advisory", assessment.malware_notice(release)
    else:
        yield from _facts_of(release, answer.state, catalogue)


def _facts_of(release: Release, state: str, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    if release.yanked:
        yield "yanked", release.yanked
    yield "endpoints.py", release.endpoints_sha256 or "not known here"
    for place in catalogue.paths_of(release.version):
        yield "probably at", place.path  # from upstream's build files; the guard checks it
    if pinned := assessment.patch_to_pin(state, catalogue):
        for patch in sorted(catalogue.patch_versions.values(), key=lambda it: it.version != pinned):
            label = "pin" if patch.version == pinned else "or"
            yield label, f"patch {patch.version} ({patch.line}): {patch.summary}"
    if not release.advisories and state != UNREVIEWED:
        yield "advisories", "none in this catalogue; a scanner may know more"
    for item in release.advisories:
        yield "advisory", f"{item.id}: {item.what}; fixed in {item.fixed_in}. {item.note}"
    for gap in release.gaps:
        yield "expect" if state == UNREVIEWED else "known gap", gap.description
