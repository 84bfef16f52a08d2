"""`litellm-overlay completion`: print the script that completes verbs and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from litellm_overlay.errors import OverlayError

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes a shell complete verbs, options and their values.

    \b
    Examples:
      source <(litellm-overlay completion bash)
      litellm-overlay completion zsh > "${fpath[1]}/_litellm-overlay"
      litellm-overlay completion fish > ~/.config/fish/completions/litellm-overlay.fish

    The script asks `litellm-overlay` itself at each completion, so it stays true after an upgrade.
    """
    completer = get_completion_class(shell)
    if completer is None:
        raise OverlayError(f"this version of click knows no completion for {shell}")
    root = click.get_current_context().find_root().command
    script = completer(root, {}, "litellm-overlay", "_LITELLM_OVERLAY_COMPLETE")
    click.echo(script.source())
