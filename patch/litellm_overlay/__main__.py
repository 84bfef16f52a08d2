"""The entry point of `litellm-overlay` and of `python -m litellm_overlay`."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time


def main() -> None:
    """Run the command line. Ctrl-C exits with 130 and no traceback, even during imports."""
    sys.unraisablehook = _raise_again
    try:
        try:
            from litellm_overlay import cli  # noqa: PLC0415 - a slow import, so inside the try

            cli.main()
        finally:  # inside the try as well: Ctrl-C may come between the last line and this one
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the exit is left to do
    except BaseException as error:
        if not _is_interrupt(error):
            raise
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def _raise_again(ignored: sys.UnraisableHookArgs) -> None:
    """Raise Ctrl-C again a moment later if Python has ignored it.

    Python ignores exceptions in callbacks, and Ctrl-C may come while an import lock's callback
    runs.
    """
    if ignored.exc_type is KeyboardInterrupt:
        _thread.start_new_thread(_interrupt_soon, ())
    else:
        sys.__unraisablehook__(ignored)


def _interrupt_soon() -> None:
    time.sleep(0.1)  # by then the callback has returned
    os.kill(os.getpid(), signal.SIGINT)


def _is_interrupt(error: BaseException | None) -> bool:
    """Say whether Ctrl-C caused an error, even if other exceptions wrap it.

    Click wraps it in Abort. Python up to 3.11 wraps it in RuntimeError inside `__set_name__`.
    """
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    main()
