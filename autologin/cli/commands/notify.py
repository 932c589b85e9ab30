"""`autologin notify`: whether notifications reach people."""

from __future__ import annotations

import click

from autologin.cli.base import Group
from autologin.cli.context import load_settings, open_app
from autologin.cli.process import run_async
from autologin.service.notifier import Notifier


@click.group(cls=Group)
def notify() -> None:
    """Test your notifications."""


@notify.command()
@click.pass_context
def test(ctx: click.Context) -> None:
    """Send a test notification every way that `notify` names.

    The exit code is 1 if one of them fails.
    """
    settings = load_settings(ctx)
    app = open_app(settings)
    notifier = Notifier(settings, app.store, app.clock)
    for way in run_async(notifier.test()):
        click.echo(f"{way} took it.", err=True)
