"""`python -m litellm_overlay` is `litellm-overlay`."""

from litellm_overlay.cli import main

if __name__ == "__main__":
    main()
