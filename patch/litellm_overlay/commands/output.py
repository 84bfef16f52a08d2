"""Print a verb's results as text for people or as data for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

_DATA = ("json", "yaml")


def output_option(*more: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the decorator that adds `--output`; `more` are further text formats."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", *more, *_DATA]),
        default="text",
        show_default=True,
        help="As text for people, or as data.",
    )


def is_for_programs(output: str) -> bool:
    """Tell whether an output format is data for programs: json or yaml."""
    return output in _DATA


def print_data(output: str, data: object) -> None:
    """Print JSON data as JSON or YAML."""
    text = json.dumps(data, indent=2)
    if output == "yaml":  # through JSON, which leaves no anchors or tags
        printed = yaml.safe_dump(json.loads(text), explicit_start=True, sort_keys=False)
        click.echo(printed, nl=False)
        return
    click.echo(text)
