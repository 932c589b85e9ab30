"""`autologin notify`: whether people would be reached."""

from __future__ import annotations

import click

from autologin.cli.base import Group, open_app, settings_of, wait_for


@click.group(cls=Group)
def notify() -> None:
    """Telling people: a test notice."""


@notify.command()
@click.pass_context
def test(ctx: click.Context) -> None:
    """Send a test notice on every way in `notify`.

    The exit code is 1 where one of them does not take it.
    """
    from autologin.service.notifier import Notifier

    settings = settings_of(ctx)
    notifier = Notifier(settings, open_app(settings).store.alerts)
    for way in wait_for(notifier.test):
        click.echo(f"{way} took it.", err=True)
