"""The environment variables that stand for options, and which of them did.

They are named after the option as it is typed, not after the parameter of the function: click's own
prefix would make LITELLM_OVERLAY_INJECT_SETTINGS of `inject --set`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from types import TracebackType

_PREFIX = "LITELLM_OVERLAY"


class VerbContext(click.Context):
    """Tells an error of ours which variables stood for options."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> bool | None:
        """Leave the context."""
        if isinstance(exc_value, OverlayError):
            exc_value.variables = used(self)
        return super().__exit__(exc_type, exc_value, tb)


def name_variables(verb: str, command: click.Command) -> None:
    """Name the variable of each option; one that a verb has named already counts after it."""
    command.context_class = VerbContext
    for option in command.params:
        if isinstance(option, click.Option):
            typed = max(option.opts, key=len).lstrip("-")
            own = f"{_PREFIX}_{verb}_{typed}".replace("-", "_").upper()
            named = dict.fromkeys([own, *_variables(option)])
            option.envvar = [*named]
            option.show_envvar = len(named) > 1  # the rule of all others is in the root's help


def used(context: click.Context) -> tuple[str, ...]:
    """Return the variables that the options of a verb were taken from."""
    return tuple(
        next(name for name in _variables(option) if os.environ.get(name))
        for option in context.command.params
        if context.get_parameter_source(option.name or "") is ParameterSource.ENVIRONMENT
    )


def _variables(parameter: click.Parameter) -> list[str]:
    found = parameter.envvar
    return [found] if isinstance(found, str) else [*(found or ())]
