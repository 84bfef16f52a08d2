"""Errors an operator may meet: a sentence, the next step, and a stable exit code."""

from __future__ import annotations


class OverlayError(Exception):
    """Something failed; `cli.main` prints `error:` and `hint:` and exits with `exit_code`.

    `variables` are those of the environment that stood for options of the verb.
    """

    exit_code = 1
    variables: tuple[str, ...] = ()

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotInCatalogueError(OverlayError):
    """The LiteLLM release or patch version is not one we know."""

    exit_code = 3


class ClusterError(OverlayError):
    """The cluster cannot be reached, or does not allow what was asked."""

    exit_code = 4


class VerificationError(OverlayError):
    """A check ran and found a difference."""

    exit_code = 5


class ValuesError(OverlayError):
    """The operator's values, or the options that stand for them, cannot be used."""

    exit_code = 2
