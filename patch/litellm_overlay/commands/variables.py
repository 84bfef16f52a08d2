"""Environment variables that set options.

Each is named after the option as typed, not after the function's parameter: click's own prefix
would turn `inject --set` into LITELLM_OVERLAY_INJECT_SETTINGS.
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
    """A context that adds to an OverlayError the variables which set options."""

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
    """Name a variable for each option; it takes precedence over one that the verb has named."""
    command.context_class = VerbContext
    for option in command.params:
        if isinstance(option, click.Option):
            typed = max(option.opts, key=len).lstrip("-")
            own = f"{_PREFIX}_{verb}_{typed}".replace("-", "_").upper()
            named = dict.fromkeys([own, *_variables(option)])
            option.envvar = [*named]
            option.show_envvar = len(named) > 1  # the root's help gives the rule for all others


def used(context: click.Context) -> tuple[str, ...]:
    """Return the variables that set options of a verb."""
    return tuple(
        next(name for name in _variables(option) if os.environ.get(name))
        for option in context.command.params
        if context.get_parameter_source(option.name or "") is ParameterSource.ENVIRONMENT
    )


def _variables(parameter: click.Parameter) -> list[str]:
    found = parameter.envvar
    return [found] if isinstance(found, str) else [*(found or ())]
