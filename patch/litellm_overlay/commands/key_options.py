"""Options of the verbs that make turns: the model and the key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = (
    click.option("--model", default="gpt-5.4", show_default=True, help="A model of the proxy's."),
    click.option(
        "--key-env",
        default="OPENAI_API_KEY",
        show_default=True,
        metavar="NAME",
        help="The environment variable that holds the key.",
    ),
    click.option(
        "--key-file", type=click.File(), help="Read the key from a file instead; - is stdin."
    ),
)


def key_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the shared options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_key(key_env: str, key_file: TextIO | None, see: str) -> str:
    """Return the key; UsageError if it is empty. `see` names the key's options in that error."""
    key = (key_file.read() if key_file else os.environ.get(key_env, "")).strip()
    if not key:
        source = key_file.name if key_file else f"the variable {key_env}"
        raise click.UsageError(f"No key: {source} is empty; see {see}.")
    return key
