"""`autologin token`: the stored token, or one field of it."""

from __future__ import annotations

import click

from autologin import status
from autologin.cli.base import Command, as_json
from autologin.cli.context import account_name, load_settings, open_app
from autologin.cli.errors import as_text
from autologin.delivery import formats


@click.command(cls=Command)
@account_name
@click.option(
    "--field", metavar="F", help="Print another field, such as expires_at or extra.public_token."
)
@as_json
@click.pass_context
def token(ctx: click.Context, name: str, field: str | None, *, as_json: bool) -> None:
    """Print an account's stored token.

    A missing or expired token is an error (exit 3). With --json, prints all of it, or the field.
    """
    settings = load_settings(ctx)
    data = status.token(open_app(settings), settings.account(name))
    if as_json:
        click.echo(as_text(formats.field_of(data, field) if field else data))
    else:
        click.echo(status.field_of(data, field or "access_token"))
