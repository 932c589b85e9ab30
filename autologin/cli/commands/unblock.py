"""`autologin unblock`: let an account log in again."""

from __future__ import annotations

import click

from autologin.cli.base import Command
from autologin.cli.context import account_name, load_settings, open_app
from autologin.cli.process import run_async
from autologin.config.accounts import login_id


@click.command(cls=Command)
@account_name
@click.pass_context
def unblock(ctx: click.Context, name: str) -> None:
    """Lift the block on an account.

    It forgets every value that the broker refused of this account. First find out why it was
    refused: brokers lock an account after about five wrong entries.
    """
    settings = load_settings(ctx)
    account = settings.account(name)
    if run_async(open_app(settings).unblock(account)):
        click.echo(f"{account.name} may log in again.", err=True)
    elif login_id(settings, account) is None:
        # What was refused under another name of the account is found by it.
        click.echo(
            f"{account.name} was not blocked under this name. Its login id cannot be read here: "
            "run this where the config's references can be, or under the account's former name.",
            err=True,
        )
    else:
        click.echo(f"{account.name} was not blocked.", err=True)
