"""The commands of the first five minutes: `autologin init`, `flows` and `completion`."""

from __future__ import annotations

from pathlib import Path

import click

from autologin.cli import completion as words
from autologin.cli.base import Command, as_json, configure_log, show

# What a command needs is imported inside it: `--help` and completion must not wait for it.


@click.command(cls=Command)
@click.argument("broker", required=False, metavar="[BROKER]", shell_complete=words.brokers)
@click.pass_context
def init(ctx: click.Context, broker: str | None) -> None:
    """Set up an account, question by question.

    What you give is checked at once. Secrets go into files that only you can read, and the config refers to them; a
    config that is there already gets the account added. It ends with `autologin check`, and its exit code.

    \b
    autologin init             choose from the brokers
    autologin init zerodha
    autologin --config /etc/autologin/config.yaml init groww
    """  # noqa: D301  (click wants the character)
    from autologin.cli.commands import init as asking

    configure_log(ctx)
    ctx.exit(asking.start(ctx.obj[0], broker))


@click.command(cls=Command)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=words.brokers)
@click.argument("new_name", required=False, metavar="[NEW]")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="With new: where its files go; ./flows.")
@as_json
@click.pass_context
def flows(ctx: click.Context, name: str | None, new_name: str | None, folder: Path | None, *, as_json: bool) -> None:
    """List the known brokers.

    With NAME, print a block to paste into the config, which says where each value is found.

    \b
    autologin flows zerodha
    autologin flows new mybroker     write a flow and a twin of it, which work at once, to be changed
    """  # noqa: D301  (click wants the character)
    from autologin.cli.commands import flows

    if (name == "new") != bool(new_name):
        raise click.UsageError("Write `autologin flows NAME`, or `autologin flows new NAME`.")
    flows.use_own(*ctx.obj[:1])
    if new_name:
        _new_flow(new_name, folder or Path("flows"))
    elif name and not as_json:
        click.echo(flows.config_block(name), nl=False)
    else:
        show("flows", flows.rows(name), as_json=as_json)


def _new_flow(name: str, folder: Path) -> None:
    from autologin.cli.commands import newflow

    for file in newflow.write(name, folder):
        click.echo(file)
    given = "" if folder == Path("flows") else f" --flows {folder}"
    click.echo(f"\nNext: autologin sandbox --broker {name}{given} > config.yaml", err=True)
    click.echo(f"then, in another terminal: autologin run {name}", err=True)


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
    from click import shell_completion

    kind = shell_completion.get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "autologin", "_AUTOLOGIN_COMPLETE").source())


first_steps = (init, flows, completion)
