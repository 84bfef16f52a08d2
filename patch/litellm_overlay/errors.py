"""Errors for the operator: a message, a hint with the next step, and a stable exit code."""

from __future__ import annotations


class OverlayError(Exception):
    """An expected error. `cli.main` prints its message and hint, and exits with `exit_code`.

    `variables` are the environment variables that supplied options of the verb.
    """

    exit_code = 1
    variables: tuple[str, ...] = ()

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotInCatalogueError(OverlayError):
    """The catalogue does not have the LiteLLM release or the patch version."""

    exit_code = 3


class ClusterError(OverlayError):
    """The cluster cannot be reached, or refuses a request."""

    exit_code = 4


class VerificationError(OverlayError):
    """A check ran and found a difference."""

    exit_code = 5


class ValuesError(OverlayError):
    """The operator's values or options are not valid."""

    exit_code = 2
