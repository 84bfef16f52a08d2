"""`litellm-overlay`, and `python -m litellm_overlay`: the first lines of ours that run."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time


def main() -> None:
    """Run the command line; Ctrl-C is quiet from here on, while modules are still read as well."""
    sys.unraisablehook = _raise_again
    try:
        try:
            from litellm_overlay import cli  # noqa: PLC0415 - what takes time is inside the try

            cli.main()
        finally:  # inside the try as well: Ctrl-C may come between the last line and this one
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to do but to leave
    except BaseException as error:
        if not _is_interrupt(error):
            raise
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def _raise_again(ignored: sys.UnraisableHookArgs) -> None:
    """Raise Ctrl-C again, a moment later, where Python had to ignore it.

    Python ignores errors in callbacks, and those of import locks can run when Ctrl-C is pressed.
    """
    if ignored.exc_type is KeyboardInterrupt:
        _thread.start_new_thread(_interrupt_soon, ())
    else:
        sys.__unraisablehook__(ignored)


def _interrupt_soon() -> None:
    time.sleep(0.1)  # by then the callback has returned
    os.kill(os.getpid(), signal.SIGINT)


def _is_interrupt(error: BaseException | None) -> bool:
    """Say whether Ctrl-C is behind an error: Python, click and libraries wrap it in their own.

    Up to 3.11 Python tells of one inside `__set_name__` by RuntimeError, click by Abort.
    """
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    main()
