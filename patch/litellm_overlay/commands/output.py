"""How a verb prints what it found: as text for people, or as data for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

_DATA = ("json", "yaml")


def output_option(*more: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return `--output`, the same for every verb that reports; `more` are further forms of text."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", *more, *_DATA]),
        default="text",
        show_default=True,
        help="As text for people, or as data.",
    )


def is_for_programs(output: str) -> bool:
    """Say whether a program is to read it."""
    return output in _DATA


def print_data(output: str, data: object) -> None:
    """Print what JSON can hold, as JSON or YAML."""
    text = json.dumps(data, indent=2)
    if output == "yaml":  # through JSON, so that nothing becomes an anchor or a tag
        printed = yaml.safe_dump(json.loads(text), explicit_start=True, sort_keys=False)
        click.echo(printed, nl=False)
        return
    click.echo(text)
