"""`autologin unblock`: let an account log in again."""

from __future__ import annotations

import click

from autologin.cli.base import Command
from autologin.cli.context import account_name, load_settings, open_app


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
    if open_app(settings).unblock(account):
        click.echo(f"{account.name} may log in again.", err=True)
    else:
        click.echo(f"{account.name} was not blocked.", err=True)
