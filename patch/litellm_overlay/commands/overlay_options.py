"""The options that `render`, `inject` and `pin` share, and what they say about a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from endpoint_patch.errors import PlanUnreadableError
from litellm_overlay import advice, catalogue, difference, lock, plan
from litellm_overlay import values as overlay_values
from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from litellm_overlay.catalogue import Release
    from litellm_overlay.lock import Lock
    from litellm_overlay.plan import OverlayPlan
    from litellm_overlay.values import OverlayValues

FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
_OPTIONS = (
    click.option("-f", "--values", type=FILE, help="Values of the overlay, a YAML file."),
    click.option("--patch", metavar="VERSION", help="The patch version; default: the newest."),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the patch, such as mode=http-fallback; may be given several times.",
    ),
    click.option(
        "--on-unknown",
        type=click.Choice(["fail", "passthrough"]),
        help="What the pod does with an endpoints.py that it does not know; default: fail.",
    ),
    click.option("--litellm", metavar="VERSION", help="The release, where the image does not say."),
    click.option("--module-path", metavar="PATH", help="Where endpoints.py is in the image."),
    click.option("--container", metavar="NAME", help="The proxy's container."),
)
lock_option = click.option(
    "--lock",
    "lock_file",
    type=FILE,
    envvar="LITELLM_OVERLAY_LOCK",
    help="Hold it to a file that `pin` wrote; exit code 5 where it differs.",
)


def overlay_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_values(values: Path | None, settings: tuple[str, ...], **options: object) -> OverlayValues:
    """Return the values of the file, overruled by the options."""
    try:
        chosen = difference.parse_settings(settings)
    except PlanUnreadableError as error:
        raise click.BadParameter(error.message, param_hint="--set") from error
    names: dict[str, Any] = {"litellm": "litellm_version", "patch": "patch_version"}
    renamed = {names.get(name, name): value for name, value in options.items()}
    text = read_text(values) if values else ""
    return overlay_values.load(text, settings=chosen, **renamed)


def read_text(path: Path) -> str:
    """Return the text of a file, of stdin for "-"."""
    try:
        # Bytes, since Python would turn the line ends of text into its own.
        with click.open_file(str(path), "rb") as stream:
            content: bytes = stream.read()
        return content.decode()
    except OSError as error:
        raise OverlayError(f"could not read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OverlayError(f"{path} is not UTF-8 text") from error


def read_lock(path: Path | None) -> Lock | None:
    """Return the lock in a file; None where no file is given."""
    return lock.read(read_text(path), str(path)) if path else None


def tell(overlaid: Iterable[tuple[str, OverlayPlan]], given: OverlayValues) -> None:
    """Say on stderr what the overlay will do where, and once what else is wrong with a release."""
    vulnerable: dict[str, Release] = {}
    for title, overlay in overlaid:
        found = plan.identify(given, overlay.proxy.image, catalogue.load())
        if found.release is None:
            doing = f"patch {overlay.patch_version}; the release is not known, the pod will look"
        elif found.state == "affected":
            doing = f"patch {overlay.patch_version} for LiteLLM {found.release.version}"
        else:
            meaning = advice.MEANING[found.state]
            doing = f"LiteLLM {found.release.version} is {found.state}. {meaning}"
        click.echo(f"{title}: {doing}", err=True)
        if found.release and found.release.advisories:
            vulnerable[found.release.version] = found.release
    for version, release in vulnerable.items():
        ids = ", ".join(item.id for item in release.advisories)
        click.echo(
            f"warning: LiteLLM {version} has known vulnerabilities that this overlay does not "
            f"touch: {ids}\nhint: litellm-overlay releases {version}",
            err=True,
        )
