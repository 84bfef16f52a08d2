"""Options that `render`, `inject` and `pin` share, and the messages that they print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from endpoint_patch.errors import PlanUnreadableError
from litellm_overlay import lock
from litellm_overlay.catalogue import assessment, releases
from litellm_overlay.commands.files import FILE, read_text
from litellm_overlay.objects import replacement
from litellm_overlay.overlay import values as overlay_values
from litellm_overlay.overlay.values import parse_settings
from litellm_overlay.printed import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from litellm_overlay.catalogue.assessment import Assessment
    from litellm_overlay.catalogue.releases import Release
    from litellm_overlay.lock import Lock
    from litellm_overlay.overlay.inject import Injected
    from litellm_overlay.overlay.plan import OverlayPlan
    from litellm_overlay.overlay.values import OverlayValues

values_option = click.option("--values", type=FILE, help="Values of the overlay, a YAML file.")
workload_option = click.option(
    "--workload",
    "workloads",
    multiple=True,
    metavar="[!]KIND/NAME",
    help="Only this workload; with ! all but this. Several times, and with * in it.",
)
_OPTIONS = (
    values_option,
    click.option("--patch", metavar="VERSION", help="The patch version; default: the newest."),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the patch, such as mode=http-fallback; may be given several times.",
    ),
    click.option(
        "--on-fixed",
        type=click.Choice(["passthrough", "patch"]),
        help="What the pod does where upstream has fixed the handshake: leave the file as it is"
        " (default), or put the bridge there too.",
    ),
    click.option(
        "--on-unknown",
        type=click.Choice(["fail", "passthrough", "patch"]),
        help="What the pod does with an endpoints.py that it does not know; default: fail. `patch`"
        " wants --expected-sha256, and a WebSocket handler that is known.",
    ),
    click.option(
        "--expected-sha256", metavar="HASH", help="The file that --on-unknown patch means."
    ),
    click.option(
        "--litellm",
        metavar="VERSION",
        help="The release, where the image does not say. `auto`, of inject: as running pods say.",
    ),
    click.option(
        "--module-path",
        metavar="PATH",
        help="Where endpoints.py is in the image; default: where images of the release have it.",
    ),
    click.option(
        "--container", metavar="NAME", help="The proxy's container; NAME,NAME for several in a pod."
    ),
)
AUTO = "auto"  # a value of --litellm: ask running pods for the release
_SETTLED = "the guard in the pod decides by the file, and names the right path if this one is wrong"
lock_option = click.option(
    "--lock",
    "lock_file",
    type=FILE,
    envvar="LITELLM_OVERLAY_LOCK",
    help="Hold it to a file that `pin` wrote; exit code 5 where it differs.",
)


def overlay_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the shared options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_values(
    values: Path | None, settings: tuple[str, ...], text: str | None = "", **options: object
) -> OverlayValues:
    """Return the values of the file, or of `text` without one; options take precedence.

    Raises click's BadParameter for a bad --set, UsageError for `--litellm auto`.
    """
    try:
        chosen = parse_settings(settings)
    except PlanUnreadableError as error:
        raise click.BadParameter(error.message, param_hint="--set") from error
    if options.get("litellm") == AUTO:
        raise click.UsageError("--litellm auto goes with inject; pin has --from-cluster.")
    names: dict[str, Any] = {"litellm": "litellm_version", "patch": "patch_version"}
    renamed = {names.get(name, name): value for name, value in options.items()}
    return overlay_values.load(
        read_text(values) if values else text or "", settings=chosen, **renamed
    )


def read_lock(path: Path | None) -> Lock | None:
    """Return the lock in a file, None if no file is given."""
    return lock.parse_lock(read_text(path), str(path)) if path else None


def read_pinned(
    values: Path | None,
    settings: tuple[str, ...],
    lock_file: Path | None,
    text: str | None = "",
    **options: object,
) -> tuple[OverlayValues, Lock | None]:
    """Return the values, completed from the lock, and the lock or None."""
    resolved, locked = read_values(values, settings, text, **options), read_lock(lock_file)
    return (lock.fill_values(resolved, locked) if locked else resolved), locked


def doubts(assessed: Assessment) -> list[str]:
    """Return a sentence for each doubt about an assessment, with its hint on a second line."""
    sentences = []
    if assessed.release and (
        newer := assessment.newer_release_warning(assessed.release, releases.load())
    ):
        sentences.append(f"{newer}\nhint: litellm-overlay releases {assessed.release.version}")
    if assessed.release and assessed.why and not assessed.exact:
        sentences.append(f"{assessed.why}\nhint: {_SETTLED}")
    return sentences


def warn(sentences: Iterable[str], *, err: bool = True) -> None:
    """Print warnings, by default to stderr; each may have a hint on its second line."""
    for each in sentences:
        sentence, _, hint = each.partition("\nhint: ")
        say(f"warning: {sentence}", hint, err=err)


def tell(overlaid: Iterable[tuple[str, OverlayPlan]], *, err: bool = True) -> None:
    """Print what the overlay does in each workload, then each doubt and each advisory once."""
    vulnerable: dict[str, Release] = {}
    unsure: dict[str, None] = {}  # an ordered set
    for title, overlay in overlaid:
        assessed = overlay.litellm
        if assessed.release is None:
            doing = f"patch {overlay.payload.version}; the release is not known, the pod will look"
        elif assessed.state == releases.UNREVIEWED:
            name = f"LiteLLM {assessed.release.version}"
            doing = f"patch {overlay.payload.version} for {name}, as the guard in the pod decides"
        elif overlay.is_patched:
            doing = f"patch {overlay.payload.version} for LiteLLM {assessed.release.version}"
        else:
            meaning = assessment.MEANING[assessed.state]
            doing = f"LiteLLM {assessed.release.version} is {assessed.state}. {meaning}"
        say(f"{title}: {doing}", err=err)
        unsure |= dict.fromkeys(doubts(assessed))
        if assessed.release and assessed.release.advisories:
            vulnerable[assessed.release.version] = assessed.release
    warn(unsure, err=err)
    for version, release in vulnerable.items():
        ids = ", ".join(item.id for item in release.advisories)
        say(
            f"warning: LiteLLM {version} has known vulnerabilities that this overlay does not "
            f"touch: {ids}",
            f"litellm-overlay releases {version}",
            err=err,
        )


def tell_left(result: Injected, *, err: bool = True, refused: bool = True) -> None:
    """Print what was left alone or refused, and where a refusal by the guard is an outage."""
    for each in result.left:
        say(f"{each.title}: left alone: {each.reason}", each.hint, err=err)
    for each in result.refused if refused else ():
        say(f"{each.title}: refused: {each.reason}", each.hint, err=err)
    for sentence, hint in result.warnings:
        say(f"warning: {sentence}", hint, err=err)
    for title, reason in result.gaps:
        say(
            f"warning: {title}: {reason}: should the guard refuse, nothing serves",
            replacement.PASSTHROUGH,
            err=err,
        )


def say(sentence: str, hint: str = "", *, err: bool) -> None:
    """Print a sentence, and a hint if there is one."""
    click.echo(sanitize(sentence), err=err)
    if hint:
        click.echo(f"hint: {sanitize(hint)}", err=err)
