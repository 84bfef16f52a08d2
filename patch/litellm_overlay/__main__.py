"""`litellm-overlay`, and `python -m litellm_overlay`: the first lines of ours that run."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C is quiet from here on, while modules are still read as well."""
    try:
        from litellm_overlay import cli  # noqa: PLC0415 - what takes time is inside the try

        cli.main()
    except BaseException as error:
        if not _is_interrupt(error):
            raise
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to do but to leave


def _is_interrupt(error: BaseException | None) -> bool:
    """Say whether Ctrl-C is behind an error: Python, click and libraries wrap it in their own.

    Up to 3.11 Python tells of one inside `__set_name__` by RuntimeError, click by Abort.
    """
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    main()
