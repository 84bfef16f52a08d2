"""`litellm-overlay`, and `python -m litellm_overlay`: the first lines of ours that run."""

import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C is quiet from here on, while modules are still read as well."""
    try:
        from litellm_overlay import cli  # noqa: PLC0415 - what takes time is inside the try

        cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to do but to leave


if __name__ == "__main__":
    main()
