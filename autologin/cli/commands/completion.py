"""`autologin completion`: the script that lets a shell complete commands, accounts and brokers."""

from __future__ import annotations

import click
from click import shell_completion

from autologin.cli.base import Command


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a shell's completion script.

    It completes commands, options, accounts, brokers and scenarios. To install it, once:

    \b
    echo 'eval "$(autologin completion bash)"' >> ~/.bashrc
    echo 'eval "$(autologin completion zsh)"' >> ~/.zshrc        after compinit
    autologin completion fish > ~/.config/fish/completions/autologin.fish
    """  # noqa: D301  (click wants the character)
    kind = shell_completion.get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "autologin", "_AUTOLOGIN_COMPLETE").source())
